/**
 * List prices of AWS that estimates are made with: us-east-1, USD, as of 20 November 2026. Free tiers are not counted,
 * nor is traffic to the internet.
 */
export const PRICES = {
  s3Get: 0.4e-6,
  /** PUT and LIST cost the same. */
  s3PutOrList: 5e-6,
  lambdaRequest: 0.2e-6,
  /** arm64. */
  lambdaGbSecond: 1.33334e-5,
  httpApiRequest: 1e-6,
} as const

export interface Billed {
  readonly gets: number
  readonly lists: number
  readonly puts: number
  /** Functions that were started. */
  readonly functions: number
  readonly functionGbSeconds: number
}

export function usdOf({ gets, lists, puts, functions, functionGbSeconds }: Billed): number {
  return (
    gets * PRICES.s3Get +
    (lists + puts) * PRICES.s3PutOrList +
    functions * PRICES.lambdaRequest +
    functionGbSeconds * PRICES.lambdaGbSecond
  )
}

/** With the gateway that the request came through. */
export function usdOfRequest(billed: Billed): number {
  return PRICES.httpApiRequest + usdOf(billed)
}

/**
 * Whether what cost `usd` to make should be written for others: with a probability of that, divided by the price of a write. So
 * writing costs no more than making, and what many functions make is soon there for all of them.
 */
export function isWorthWriting(usd: number, random: () => number): boolean {
  return random() < usd / PRICES.s3PutOrList
}
