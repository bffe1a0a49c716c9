import { describe, expect, it } from 'vitest'
import { parseSelector } from '#lib/store-api/selector-relabel.ts'

const BLOCKS = [
  { labels: ['cluster', 'a', 'kind', 'x'], id: '01A' },
  { labels: ['cluster', 'b', 'kind', 'x'], id: '01B' },
  { labels: ['cluster', 'b', 'kind', 'y'], id: '01C' },
  { labels: [], id: '01D' },
]

function shown(yaml: string): string[] {
  const selects = parseSelector(yaml)
  return BLOCKS.filter(({ labels, id }) => selects(labels, id)).map(({ id }) => id)
}

describe('rules', () => {
  it.each([
    ['', ['01A', '01B', '01C', '01D']],
    ['[]', ['01A', '01B', '01C', '01D']],
    ['[{action: keep, source_labels: [cluster], regex: a|c}]', ['01A']],
    ['[{action: drop, source_labels: [cluster], regex: b}]', ['01A', '01D']],
    ['[{action: keep, source_labels: [cluster, kind], regex: "b;y"}]', ['01C']],
    [
      '[{action: keep, source_labels: [cluster, kind], separator: "-", regex: "b-."}]',
      ['01B', '01C'],
    ],
    ['[{action: drop, source_labels: [__block_id], regex: "01[AB]"}]', ['01C', '01D']],
    ['[{action: keep, source_labels: [cluster]}]', ['01A', '01B', '01C', '01D']],
    [
      `- {action: drop, source_labels: [kind], regex: y}
- {action: KEEP, source_labels: [cluster], regex: .+}`,
      ['01A', '01B'],
    ],
  ])('%s', (yaml, expected) => {
    expect(shown(yaml)).toEqual(expected)
  })

  it('hashes as Prometheus does: each block is of one shard', () => {
    const shard = (n: number): string => `
- {action: hashmod, source_labels: [__block_id], modulus: 3, target_label: shard}
- {action: keep, source_labels: [shard], regex: "${n}"}`
    // The last eight bytes of MD5 modulo 3: `printf 01A | md5sum` ends in 7aa08622d184cc1e.
    const shards = [0, 1, 2].map((n) => shown(shard(n)))
    expect(shards.flat().sort()).toEqual(['01A', '01B', '01C', '01D'])
    expect(shards[Number(BigInt('0x7aa08622d184cc1e') % 3n)]).toContain('01A')
  })
})

it.each([
  ['{action: keep}', 'write a list of rules'],
  ['[keep]', 'write a rule as a map'],
  ['[{action: replace}]', 'action replace is none of keep, drop and hashmod'],
  ['[{}]', 'action replace is none of keep, drop and hashmod'],
  ['[{action: keep, sources: [a]}]', 'there is no field sources'],
  ['[{action: hashmod, target_label: a}]', 'hashmod needs a modulus'],
  ['[{action: hashmod, modulus: 2}]', 'hashmod needs a target_label'],
  ['[{action: keep, source_labels: {}}]', 'write source_labels as a list'],
  ['[{action: keep, regex: [a]}]', 'regex is no text'],
  ['[{action: keep, regex: "("}]', /regexp/],
  ['[', /selector.relabel-config: /],
])('refuses %s', (yaml, message) => {
  expect(() => parseSelector(yaml)).toThrow(message)
})
