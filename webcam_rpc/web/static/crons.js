// Cron expressions and the few of them that people mean: at a time of the day, on some days of the week. Pure.

export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const NUMBERS = { 0: "Sun", 7: "Sun", 1: "Mon", 2: "Tue", 3: "Wed", 4: "Thu", 5: "Fri", 6: "Sat" };

/** The expression for a time ("22:30") on these days; all of them are every day. */
export function weekly(time, days) {
  const [hour, minute] = time.split(":").map(Number);
  const chosen = DAYS.filter((day) => days.includes(day));
  return `${minute} ${hour} * * ${chosen.length === DAYS.length ? "*" : chosen.join(",").toUpperCase()}`;
}

/** The other way round: `{time, days}`, or null for an expression that says something else. */
export function simple(cron) {
  const match = /^(\d{1,2})\s+(\d{1,2})\s+\*\s+\*\s+(\S+)$/.exec(cron.trim());
  if (!match || Number(match[1]) > 59 || Number(match[2]) > 23) return null;
  const days = daysOf(match[3]);
  return days && { time: `${match[2].padStart(2, "0")}:${match[1].padStart(2, "0")}`, days };
}

function daysOf(field) {
  if (field === "*") return [...DAYS];
  const found = new Set();
  for (const part of field.split(",")) {
    const ends = part.split("-").map(dayOf);
    const [from, to] = [DAYS.indexOf(ends[0]), DAYS.indexOf(ends.at(-1))];
    if (ends.length > 2 || from < 0 || to < from) return null;
    for (let day = from; day <= to; day += 1) found.add(DAYS[day]);
  }
  return DAYS.filter((day) => found.has(day));
}

function dayOf(text) {
  return NUMBERS[text] ?? DAYS.find((day) => day.toLowerCase() === text.toLowerCase()) ?? null;
}

/** An expression in words, where it has any. */
export function words(cron) {
  const known = simple(cron);
  if (!known) return `cron ${cron}`;
  const { time, days } = known;
  if (days.length === 7) return `every day at ${time}`;
  if (days.join() === "Mon,Tue,Wed,Thu,Fri") return `Monday to Friday at ${time}`;
  if (days.join() === "Sat,Sun") return `at weekends at ${time}`;
  return `${days.join(", ")} at ${time}`;
}
