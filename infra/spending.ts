/**
 * What the stack costs, as far as AWS's free metrics tell: seconds of functions, requests of the gateway, bytes in the bucket. Requests to
 * S3 have no free metric; those of queries cost about as much as their functions.
 */
import type { Duration } from 'aws-cdk-lib'
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch'

import type { ThawFunction } from './thaw-function.ts'
import {
  apiMetric,
  functionMetric,
  functionsOf,
  isThere,
  storedBytes,
  type Watched,
} from './watched.ts'

/** USD, us-east-1. Infrastructure imports nothing of `lib`: `test/infra/spending.test.ts` holds that they are those of `lib/cost/prices.ts`. */
export const PRICES = {
  lambdaGbSecond: 1.33334e-5,
  lambdaRequest: 0.2e-6,
  httpApiRequest: 1e-6,
  s3GbMonth: 0.023,
} as const

const DAYS_OF_A_MONTH = 30.4
const SECONDS_OF_A_MONTH = DAYS_OF_A_MONTH * 86_400

/** Whole numbers, by which expressions divide: they know no exponents. */
function perDollar(price: number): number {
  return Math.round(1 / price)
}

function msPerDollar({ memoryMb }: ThawFunction): number {
  return perDollar(((memoryMb / 1024) * PRICES.lambdaGbSecond) / 1000)
}

/** Dollars of a month that goes on as this period went: of the functions that can be kept busy from outside. */
export function monthlyRate(watched: Watched, period: Duration): MathExpression {
  const { query, store, compact, rule, stream } = watched
  const busy = [query, store, compact, rule, stream].filter(isThere)
  const terms = busy.map((one) => `FILL(${one.name}, 0) / ${msPerDollar(one)}`)
  const periods = SECONDS_OF_A_MONTH / period.toSeconds()
  return new MathExpression({
    expression: `(${terms.join(' + ')}) * ${periods}`,
    usingMetrics: Object.fromEntries(
      busy.map((one) => [one.name, functionMetric(one, 'Duration', 'Sum', period)]),
    ),
    period,
    label: 'dollars of a month at this rate',
  })
}

/** Dollars of each period, by part. */
export function spendingByPart(watched: Watched, period: Duration): readonly IMetric[] {
  const functions = functionsOf(watched).map(
    (one) =>
      new MathExpression({
        expression: `${one.name}Ms / ${msPerDollar(one)} + ${one.name}Runs / ${perDollar(PRICES.lambdaRequest)}`,
        usingMetrics: {
          [`${one.name}Ms`]: functionMetric(one, 'Duration', 'Sum', period),
          [`${one.name}Runs`]: functionMetric(one, 'Invocations', 'Sum', period),
        },
        period,
        label: one.name,
      }),
  )
  const gateway = new MathExpression({
    expression: `requests / ${perDollar(PRICES.httpApiRequest)}`,
    usingMetrics: { requests: apiMetric(watched, 'Count', 'Sum', period) },
    period,
    label: 'gateway',
  })
  const byteOfPeriod = (PRICES.s3GbMonth / 2 ** 30) * (period.toSeconds() / SECONDS_OF_A_MONTH)
  const storage = new MathExpression({
    expression: `bytes / ${perDollar(byteOfPeriod)}`,
    usingMetrics: { bytes: storedBytes(watched) },
    period,
    label: 'storage',
  })
  return [...functions, gateway, storage]
}
