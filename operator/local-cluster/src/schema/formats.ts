/** Formats that a real API server checks; others pass, as there. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  "date-time": /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  ipv4: /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/,
  email: /^[^@\s]+@[^@\s]+$/,
  duration: /^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$|^0$/,
};

export function isFormat(format: string, text: string): boolean {
  const pattern = FORMATS[format];
  return pattern === undefined || pattern.test(text);
}
