// A ruler that is killed, doubled, put to sleep, deceived by clocks and refused by bucket and Alertmanager does what an undisturbed one does.
import { beforeAll, expect, it } from 'vitest'
import { disturbed, type Ending, undisturbed } from './history.ts'

/** More, and others: `RULER_SEEDS=1000-1100 npx vitest run --project unit test/rules/tick/histories.test.ts`. */
const [first, last = first] = (process.env['RULER_SEEDS'] ?? '1-4').split('-').map(Number)
const SEEDS = Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)

let expected: Ending
const happened = new Map<string, number>()

beforeAll(async () => {
  expected = await undisturbed()
})

it('an undisturbed ruler evaluates every slot, and alerts fire and end', () => {
  expect(expected.groups.join('\n')).toMatchInlineSnapshot(`
    "a.yaml;fast 169 evaluations, 0 missed, next 2361.316
    a.yaml;alerts 84 evaluations, 0 missed, next 2350.306
    b.yaml;derived 42 evaluations, 0 missed, next 2377.273
    c.yaml;added 19 evaluations, 0 missed, next 2356.029"
  `)
  expect(expected.samples.size).toBeGreaterThan(1000)
  expect([...expected.alerts].filter((alert) => alert.endsWith('fires')).length).toBeGreaterThan(5)
  expect([...expected.alerts].filter((alert) => alert.includes('resolved')).length).toBeGreaterThan(
    5,
  )
})

it.each(SEEDS)('seed %i: all is as without disturbances', { timeout: 120_000 }, async (seed) => {
  const ending = await disturbed(seed)
  for (const [what, times] of ending.happened) happened.set(what, (happened.get(what) ?? 0) + times)
  expect(ending.groups).toEqual(expected.groups)
  expect(difference(ending.samples, expected.samples)).toEqual({ more: [], less: [] })
  expect(difference(ending.alerts, expected.alerts)).toEqual({ more: [], less: [] })
  expect(ending.waiting).toBe(0)
})

// Of few seeds not all of it.
if (SEEDS.length >= 4) {
  it('and all of that did happen', () => {
    const kinds = [...happened.keys()]
    for (const kind of [
      'no tick',
      'twin busy',
      'kill unavailable',
      'sleep lost',
      'fault unavailable',
    ]) {
      expect(kinds).toContain(kind)
    }
    if (SEEDS.length > 4) console.log(Object.fromEntries(happened))
  })
}

function difference(a: ReadonlySet<string>, b: ReadonlySet<string>) {
  return { more: [...a.difference(b)].slice(0, 10), less: [...b.difference(a)].slice(0, 10) }
}
