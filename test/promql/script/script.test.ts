/** Scripts in promqltest's language: our own always, upstream's where they are present beside the checkout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runScript, type EvalResult } from './run-script.ts'

const OURS = new URL('ours/', import.meta.url)
const UPSTREAM = new URL('../../../../shared/promqltest/', import.meta.url)
const PASSES = new URL('upstream-passes.json', import.meta.url)

function failures(results: readonly EvalResult[]): string[] {
  return results.flatMap(({ line, expr, error }) =>
    error ? [`line ${line}: ${expr}: ${error.message}`] : [],
  )
}

describe('our scripts', () => {
  for (const file of scriptsIn(OURS)) {
    it(`${file} passes`, async () => {
      const results = await runScript(readFileSync(new URL(file, OURS), 'utf8'))
      expect(failures(results)).toEqual([])
      expect(results.length).toBeGreaterThan(0)
    })
  }
})

describe('a script', () => {
  const load = 'load 1m\n  x{a="1"} 1+1x10\n\n'

  it.each([
    ['a wrong value', 'eval instant at 2m x\n  x{a="1"} 4'],
    ['a missing series', 'eval instant at 2m x\n  x{a="1"} 3\n  x{a="2"} 3'],
    ['an unexpected series', 'eval instant at 2m x\n'],
    ['a missing error', 'eval instant at 2m x\n  expect fail'],
    ['a missing warning', 'eval instant at 2m x\n  expect warn\n  x{a="1"} 3'],
    [
      'an unexpected info',
      'eval instant at 2m rate(x[2m])\n  expect no_info\n  {a="1"} 0.0166666666',
    ],
    ['a gap too few', 'eval range from 0 to 2m step 1m x\n  x{a="1"} 1 2'],
  ])('fails on %s', async (_, script) => {
    expect(failures(await runScript(load + script))).toHaveLength(1)
  })

  it('passes when everything fits', async () => {
    const script = 'eval range from 0 to 2m step 1m x\n  x{a="1"} 1 2 3'
    expect(failures(await runScript(load + script))).toEqual([])
  })
})

describe.skipIf(!existsSync(UPSTREAM))(
  'upstream scripts (skipped without ../shared/promqltest)',
  () => {
    const least = JSON.parse(readFileSync(PASSES, 'utf8')) as Record<string, number>

    it('pass as often as they did', { timeout: 120_000 }, async () => {
      const passed: Record<string, number> = {}
      const table: string[] = []
      let evals = 0
      for (const file of scriptsIn(UPSTREAM)) {
        const results = await runScript(readFileSync(new URL(file, UPSTREAM), 'utf8'))
        passed[file] = results.length - failures(results).length
        evals += results.length
        table.push(`${file} ${passed[file]}/${results.length}`)
      }
      const total = Object.values(passed).reduce((sum, count) => sum + count, 0)
      console.log(`${table.join('\n')}\ntotal ${total}/${evals}`)
      const worse = Object.entries(least).filter(([file, count]) => (passed[file] ?? 0) < count)
      expect(worse).toEqual([])
    })
  },
)

function scriptsIn(folder: URL): string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.test'))
}
