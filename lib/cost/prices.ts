/** What AWS asks for, in one place. */

export const PRICES_AS_OF = '2026-11-20'

const S3 = 'https://aws.amazon.com/s3/pricing/'
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/'
const GATEWAY = 'https://aws.amazon.com/api-gateway/pricing/'
const SQS = 'https://aws.amazon.com/sqs/pricing/'
const CLOUDWATCH = 'https://aws.amazon.com/cloudwatch/pricing/'
const EC2 = 'https://aws.amazon.com/ec2/pricing/on-demand/'

/**
 * List prices of AWS that estimates are made with: us-east-1, USD, as of 20 November 2026. Free tiers are not counted,
 * nor is traffic to the internet beyond what a line says. Whoever pays others gives them with `thaw cost --price`.
 */
export const PRICES = {
  s3GbMonth: 0.023,
  s3Get: 0.4e-6,
  /** PUT and LIST cost the same. */
  s3PutOrList: 5e-6,
  lambdaRequest: 0.2e-6,
  /** arm64. */
  lambdaGbSecond: 1.33334e-5,
  httpApiRequest: 1e-6,
  sqsRequest: 0.4e-6,
  logsGb: 0.5,
  alarmMonth: 0.1,
  metricMonth: 0.3,
  trafficGb: 0.09,
} as const

export type PriceName = keyof typeof PRICES
export type Prices = Readonly<Record<PriceName, number>>

/** What one of each is, and where AWS says what it costs. */
export const PRICE_UNITS: Readonly<
  Record<PriceName, { readonly unit: string; readonly page: string }>
> = {
  s3GbMonth: { unit: 'GB in S3 Standard for a month', page: S3 },
  s3Get: { unit: 'GET or HEAD', page: S3 },
  s3PutOrList: { unit: 'PUT, POST or LIST', page: S3 },
  lambdaRequest: { unit: 'call of a function', page: LAMBDA },
  lambdaGbSecond: { unit: 'GB-second on arm64', page: LAMBDA },
  httpApiRequest: { unit: 'request of an HTTP API, each 512 KB of answer', page: GATEWAY },
  sqsRequest: { unit: 'SQS request', page: SQS },
  logsGb: { unit: 'GB of logs taken in', page: CLOUDWATCH },
  alarmMonth: { unit: 'alarm for a month, for each of its metrics', page: CLOUDWATCH },
  metricMonth: { unit: 'metric of our own for a month', page: CLOUDWATCH },
  trafficGb: { unit: 'GB to the internet', page: EC2 },
}

/** What AWS gives each account in each month for nothing, for good. S3 and the gateway have none that lasts. Estimates do not count on it: others may use it up. */
export const FREE_A_MONTH: Readonly<Partial<Record<PriceName, number>>> = {
  lambdaRequest: 1e6,
  lambdaGbSecond: 400_000,
  sqsRequest: 1e6,
  logsGb: 5,
  alarmMonth: 10,
  metricMonth: 10,
  trafficGb: 100,
}

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
