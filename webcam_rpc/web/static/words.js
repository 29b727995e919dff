// Figures, times and failures in words. Owns how they read; everything here is text, never markup.

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Bytes in powers of a thousand, as the service's options count them. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Seconds as a player shows them: 0:07, 12:30, 1:02:03. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Seconds in words, with two units at most: 45 s, 12 min, 1 h 30 min, 3 d 4 h. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

/** A moment as this browser's user reads it. */
export function date(text) {
  const moment = text ? new Date(text) : null;
  return moment && !Number.isNaN(moment.getTime()) ? DATE.format(moment) : "unknown";
}

/** How far a moment is from now: in 3 min, 2 h ago. */
export function distance(text, now = Date.now()) {
  const seconds = (new Date(text).getTime() - now) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
}

const ENDINGS = {
  stopped: "stopped",
  duration: "its time was up",
  segment: "goes on in the next file",
  unplugged: "the camera was unplugged",
  capture_failed: "the camera gave no more pictures",
  encoder_failed: "the encoder failed",
  storage_low: "there was no room left",
  storage_failed: "the disk could not be written to",
  shutdown: "the service was stopped",
  interrupted: "the service or the machine ended; recovered",
};

/** Why a recording ended. */
export function ending(reason) {
  return ENDINGS[reason] ?? reason ?? "";
}

const STATES = {
  PROTECTED: "It is protected. Take the protection away first.",
  ALREADY_RECORDING: "This camera is recording already.",
  NOT_RECORDING: "This camera is not recording.",
  CAMERA_DISCONNECTED: "The camera is not plugged in.",
  DEVICE_BUSY: "Another program has the camera.",
  TOO_MANY_SCHEDULES: "There are as many schedules as the service keeps. Cancel one first.",
};
const GONE = { recording: "This recording", snapshot: "This snapshot", schedule: "This schedule", camera: "This camera" };

/** What went wrong, and what to do: `{text, remedy}` of whatever a call was rejected with. */
export function trouble(error) {
  const data = error?.data ?? {};
  switch (error?.code) {
    case -32001:
      return { text: "You are not logged in, or your token is no longer valid.", remedy: "Log in again." };
    case -32002:
      return {
        text: `This needs the role ${data.required_role}; yours is ${data.have_role}.`,
        remedy: `Log in with a token of the role ${data.required_role}.`,
      };
    case -32010:
      return { text: `${GONE[data.resource] ?? "It"} is not there any more.`, remedy: null };
    case -32020:
      return { text: STATES[data.reason] ?? `Not now: ${data.reason ?? error.message}.`, remedy: data.hint ?? null };
    case -32040:
      return { text: "Too much was asked for at once.", remedy: "Try again in a moment." };
    case -32050:
      return { text: data.detail ?? data.reason ?? error.message, remedy: data.remedy ?? null };
    case -32060:
      return { text: `There is too little room: ${size(data.available_space)} are left.`, remedy: "Delete some files." };
    case -32070:
      return { text: "It took too long, and was given up.", remedy: "Try again." };
    case -32080:
      return { text: "The service is stopping.", remedy: null };
    case -32602:
      return { text: data.hint ?? error.message, remedy: null };
    case -32603:
      return {
        text: "The service failed at this.",
        remedy: data.correlation_id ? `Its log tells why, under ${data.correlation_id}.` : null,
      };
    default:
      return { text: error?.message || "It did not work.", remedy: null };
  }
}
