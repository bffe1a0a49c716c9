/** The alerting rules for people without AWS: they ring when they should, and are of metrics that there are. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { thaw } from '#test/cli/cli-fixture.ts'

const RULES = 'packaging/prometheus/thaw-alerts.yml'
const text = readFileSync(RULES, 'utf8')

describe('the alerting rules', () => {
  it('are rules', async () => {
    const { code, out } = await thaw(['rules', 'check', RULES])
    expect([code, out]).toEqual([0, expect.stringContaining('SUCCESS: 11 rules found')])
  })

  it('ring when they should, and are quiet otherwise', async () => {
    const { code, out, err } = await thaw(['rules', 'test', 'test/packaging/thaw-alerts.test.yml'])
    expect({ code, out, err }).toMatchObject({ code: 0 })
  })

  it('are of metrics that agent, compaction and ruler have', () => {
    const expressions = [...text.matchAll(/^ +expr: (.+)$/gm)].map(([, expression]) => expression!)
    const names = new Set(
      expressions.join(' ').match(/\b(?:thaw|thanos|prometheus)_[a-z_]+[a-z]\b/g),
    )
    expect(names.size).toBe(12)
    const sources = ['agent', 'lib', 'cli'].flatMap(sourcesIn).join('\n')
    const there = (name: string): boolean =>
      sources.includes(`'${name}'`) ||
      sources.includes(`${name}:`) ||
      // `agent/fresh/fresh-metrics.ts` puts the prefix to all of its own.
      sources.includes(`gauge(\n      '${name.replace('thaw_fresh_', '')}'`)
    expect([...names].filter((name) => !there(name))).toEqual([])
  })

  it('send their readers to headings that there are', () => {
    const found = [...text.matchAll(/runbook: (docs\/\S+\.md)(?:#(\S+))?$/gm)]
    expect(found).toHaveLength(11)
    const pages = found.map(([, page, heading]) => [readFileSync(page!, 'utf8'), heading] as const)
    const missing = pages.filter(
      ([page, heading]) => heading !== undefined && !page.includes(`\n### ${heading}\n`),
    )
    expect(missing).toEqual([])
  })
})

function sourcesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
}
