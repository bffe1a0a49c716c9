/** Limits of AWS Lambda and of the HTTP API that shape what a function can do. */

const MIB = 1024 * 1024

export const LIMITS = {
  requestBytes: 6 * MIB,
  /** The service lets 100 bytes of envelope through on top. */
  responseBytes: 6 * MIB + 100,
  streamBytes: 200 * MIB,
  asyncRequestBytes: MIB,
  initMs: 10_000,
  gatewayBodyBytes: 10 * MIB,
  gatewayTimeoutMs: 30_000,
} as const
