// Logging in: a token becomes a cookie that no script can read.

import { h, fill, icon, text } from "./dom.js";
import { fault, title } from "./words.js";

export function view(app) {
  const { session } = app;
  return h(
    "section",
    { class: "narrow" },
    h("h1", {}, "Log in"),
    session.authenticated &&
      h("p", {}, `You are logged in as ${session.name || "a token without a name"}, with the role ${session.role}.`),
    form(app),
  );
}

/** What is shown in the place of a view that takes more than whoever sits there may do. */
export function refusal(app, entry) {
  return h(
    "section",
    { class: "narrow" },
    h("h1", {}, entry.title),
    h(
      "p",
      { class: "lead" },
      icon("lock"),
      `This needs the role ${entry.role}; ` +
        (app.session.role === "none" ? "without a token there is no access." : `yours is ${app.session.role}.`),
    ),
    form(app),
  );
}

function form(app) {
  const problem = h("p", { class: "problem", id: "login-problem", role: "alert" });
  const token = h("input", {
    id: "login-token",
    type: "password",
    name: "token",
    required: true,
    autocomplete: "current-password",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "login-help login-problem",
  });
  const button = h("button", { type: "submit", class: "primary" }, "Log in");
  async function submit(event) {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    text(problem, "");
    token.removeAttribute("aria-invalid");
    try {
      await login(token.value.trim());
      token.value = "";
      const back = sessionStorage.getItem("after-login");
      sessionStorage.removeItem("after-login");
      if (location.hash.startsWith("#/login")) location.hash = back && !back.startsWith("#/login") ? back : "#/";
      app.reconnect();
    } catch (error) {
      token.setAttribute("aria-invalid", "true");
      text(problem, fault(error));
      token.focus();
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }
  return h(
    "form",
    { class: "stack", onsubmit: submit },
    // For keepers of passwords, which want to know whose it is.
    h("input", { type: "text", name: "username", autocomplete: "username", value: "webcam_rpc", hidden: true }),
    h("label", { for: "login-token" }, "Token"),
    token,
    problem,
    h("div", {}, button),
    h(
      "p",
      { id: "login-help", class: "hint" },
      "A token is made on the machine of the service by ",
      h("code", {}, "webcamctl token create --role operator"),
      ". This browser keeps it until you log out or it expires.",
    ),
  );
}

async function login(token) {
  let answer;
  try {
    answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
  } catch {
    throw new Error("The service does not answer.");
  }
  if (answer.ok) return;
  const words = (await answer.text()).trim();
  throw new Error(answer.status === 401 ? "This is not one of the tokens of this service, or it has ended." : words);
}
