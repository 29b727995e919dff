// Says numbers, times and faults in words.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Give a size as people read it: 12.3 MB. */
export function bytes(count) {
  if (count == null) return "–";
  let place = 0;
  let value = count;
  while (value >= 999.5 && place < UNITS.length - 1) {
    value /= 1000;
    place += 1;
  }
  return `${place === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[place]}`;
}

/** Give a length of time as a clock shows it: 0:05, 12:07, 1:02:03. */
export function clock(seconds) {
  if (seconds == null) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Give a length of time in words: 40 s, 12 min, 3 h 5 min, 2 d 4 h. */
export function span(seconds) {
  if (seconds == null) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return whole % 60 && whole < 600 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
}

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Give a moment (RFC 3339) in the zone of whoever looks: the time alone where it is today. */
export function moment(timestamp) {
  const at = timestamp == null ? NaN : Date.parse(timestamp);
  if (Number.isNaN(at)) return "–";
  const date = new Date(at);
  return (date.toDateString() === new Date().toDateString() ? TIME : DATE_TIME).format(date);
}

/** Give a rate: 30, 29.97, 7.5. */
export function rate(fps) {
  return fps == null ? "–" : String(Math.round(fps * 100) / 100);
}

/** Write the name of a control or a constant for people: white_balance_automatic → White balance automatic. */
export function title(name) {
  const words = String(name).replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Begin with a capital: what the service says goes on in its log lines, and begins a line here. */
export function sentence(words) {
  return words ? words.charAt(0).toUpperCase() + words.slice(1) : "";
}

const REASONS = {
  PROTECTED: "It is protected: take the protection away first.",
  TOO_MANY_SCHEDULES: "There are as many schedules as are kept: cancel one first.",
  ALREADY_RECORDING: "This camera is already being recorded.",
  NOT_RECORDING: "This camera is not being recorded.",
  CAMERA_DISCONNECTED: "This camera is not plugged in.",
  DEVICE_BUSY: "Another program is using this camera.",
  RECORDING: "This cannot be changed while the camera is being recorded.",
  wrong_token: "This is not one of the tokens of this service.",
  expired: "This token has expired.",
  revoked: "This token has been revoked.",
  busy: "Too many are logging in at this moment; try again.",
  locked_out: "Too many wrong tokens from this address.",
};

/** Say in a sentence or two what is wrong and what to do about it. */
export function fault(error) {
  const data = error?.data ?? {};
  switch (error?.code) {
    case -32602:
      return [data.param ? `${title(data.param)}:` : "", data.hint || data.rule || "this value is not accepted"]
        .join(" ")
        .trim();
    case -32001:
      return [REASONS[data.reason] ?? "The log-in failed.", wait(data)].join(" ").trim();
    case -32002:
      return `This needs the role ${data.required_role}; yours is ${data.have_role}.`;
    case -32010:
      return `There is no ${data.resource ?? "such thing"} ${data.id ?? ""} any more.`.replace("  ", " ");
    case -32020: {
      const holder = data.holder ? ` It is ${data.holder.comm} (pid ${data.holder.pid}).` : "";
      return (REASONS[data.reason] ?? data.hint ?? `This cannot be done now: ${data.reason}.`) + holder;
    }
    case -32030:
      return `This camera or this installation cannot do that: ${data.feature}.`;
    case -32040:
      return ["Too many requests.", wait(data)].join(" ").trim();
    case -32050:
      return sentence([data.detail ?? data.reason, data.remedy].filter(Boolean).join(": "));
    case -32060:
      return `There is not enough room: ${bytes(data.available_space)} are left, ${bytes(data.required)} are needed.`;
    case -32070:
      return `This took longer than ${data.deadline_s} s; it was cancelled and undone.`;
    case -32080:
      return "The service is stopping.";
    case -32603:
      return `The service failed. Its log says why, under ${data.correlation_id}.`;
    default:
      return error?.message ?? String(error);
  }
}

function wait(data) {
  return data.retry_after_ms ? `Try again in ${span(Math.ceil(data.retry_after_ms / 1000))}.` : "";
}

/** Give how far a moment is from now: in 3 min, 2 h ago. */
export function distance(timestamp) {
  const seconds = (Date.parse(timestamp) - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return "–";
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
}

const ENDINGS = {
  stopped: "stopped",
  duration: "its time was up",
  segment: "goes on in the next file",
  unplugged: "the camera was unplugged",
  capture_failed: "the camera gave no more pictures",
  encoder_failed: "the encoder failed",
  storage_low: "no room was left",
  storage_failed: "the disk could not be written to",
  shutdown: "the service was stopped",
  interrupted: "the service or the machine ended; it was recovered",
};

/** Say why a recording, or one file of it, ended. */
export function ending(reason) {
  return ENDINGS[reason] ?? String(reason ?? "");
}
