import type { RuntimeMetrics } from "./metrics.ts";
import { ApiError, type Transport } from "./transport.ts";

/** Counts every request of `transport` in rest_client_requests_total. */
export function meterTransport(
  transport: Transport,
  options: { readonly metrics: RuntimeMetrics; readonly host: string },
): Transport {
  const { metrics, host } = options;
  const count = (method: string, code: number | "<error>") =>
    metrics.requests.inc({ code: String(code), method, host });
  return {
    async request(request) {
      try {
        const response = await transport.request(request);
        count(request.method, response.status);
        return response;
      } catch (error) {
        count(request.method, "<error>");
        throw error;
      }
    },
    async *watch(path, signal) {
      let answered = false;
      try {
        for await (const event of transport.watch(path, signal)) {
          if (!answered) count("GET", 200);
          answered = true;
          yield event;
        }
        if (!answered) count("GET", 200);
      } catch (error) {
        if (!answered) count("GET", error instanceof ApiError ? error.status : "<error>");
        throw error;
      }
    },
  };
}
