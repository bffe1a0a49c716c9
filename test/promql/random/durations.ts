/** Random durations as text: literals in the grammar's ways, and arithmetic on them. */
import type { RandomSource } from './random-source.ts'

const RANGES = [
  '30s',
  '1m',
  '90s',
  '2m',
  '150',
  '5m',
  '7m',
  '10m',
  '20m',
  '1h',
  '2m30s500ms',
  '1m1ms',
]
const OFFSETS = ['30s', '1m', '5m', '-30s', '-1m', '-7m', '20m', '1h', '45', '0', '1ms', '-1s1ms']
const STEPS = ['30s', '1m', '45s', '2m', '5m', '77s', '100']
const PARTS = ['30s', '1m', '90s', '60', '1m30s']

export function rangeDuration(random: RandomSource): string {
  return random.chance(0.12) ? positiveArithmetic(random) : random.pick(RANGES)
}

export function offsetDuration(random: RandomSource): string {
  if (!random.chance(0.2)) return random.pick(OFFSETS)
  return `${random.chance(0.3) ? '-' : ''}(${positiveArithmetic(random)})`
}

/** `undefined` is the default step. */
export function subqueryStep(random: RandomSource): string {
  if (random.chance(0.2)) return ''
  return random.chance(0.1) ? `max_of(30s, ${positiveArithmetic(random)})` : random.pick(STEPS)
}

/** Positive wherever the query's step is; `step()` is 0 in an instant query and `range()` too. */
function positiveArithmetic(random: RandomSource): string {
  const part = (): string => random.pick(PARTS)
  return random.pick<() => string>([
    () => `${part()} + ${part()}`,
    () => `4m - ${part()}`,
    () => `${part()} * 2`,
    () => `5m / ${random.pick(['2', '3', '1.5'])}`,
    () => `7m % 4m`,
    () => `(${part()} + 1m) * 1.5`,
    () => `${part()} + step()`,
    () => `max_of(step(), ${part()})`,
    () => `min_of(${part()}, ${part()} * 2)`,
    () => `min_of(max_of(range(), 1m), 10m)`,
    () => `2 ^ 6`,
    () => `-(1m - 3m)`,
    () => `+(2m - 30s)`,
  ])()
}
