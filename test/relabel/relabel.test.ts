import { describe, expect, it } from 'vitest'
import { labelsFrom, labelsToRecord } from '#lib/model/labels.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { parseRelabelConfigs, relabelConfigToJson } from '#lib/relabel/relabel-config.ts'

const LABELS = { __name__: 'up', job: 'node', instance: 'a:9100', zone: 'EU-West', empty2: 'x' }

function relabelled(yaml: string, labels: Record<string, string> = LABELS) {
  return labelsToRecord(relabeler(parseRelabelConfigs(yaml, 'rules'))(labelsFrom(labels)))
}

describe('actions', () => {
  it.each<[string, string, Record<string, string>]>([
    ['keep that matches', '[{action: keep, source_labels: [job], regex: no.*}]', LABELS],
    ['keep that does not', '[{action: keep, source_labels: [job], regex: ode}]', {}],
    ['drop', '[{action: drop, source_labels: [job, zone], regex: "node;EU.*"}]', {}],
    ['a label that is not there is empty', '[{action: drop, source_labels: [no], regex: ""}]', {}],
    [
      'replace with groups in value and target',
      '[{source_labels: [instance], regex: "(.+):(\\\\d+)", target_label: "port_$2", replacement: "${1}x"}]',
      { ...LABELS, port_9100: 'ax' },
    ],
    ['replace without match', '[{source_labels: [job], regex: x, target_label: job}]', LABELS],
    [
      'replace with nothing deletes',
      '[{target_label: job, replacement: ""}]',
      { __name__: 'up', instance: 'a:9100', zone: 'EU-West', empty2: 'x' },
    ],
    [
      'replace without source sets',
      '[{target_label: cluster, replacement: c1}]',
      { ...LABELS, cluster: 'c1' },
    ],
    [
      'the default pattern and replacement copy',
      '[{source_labels: [job, zone], separator: "/", target_label: both}]',
      { ...LABELS, both: 'node/EU-West' },
    ],
    [
      'lowercase',
      '[{action: lowercase, source_labels: [zone], target_label: zone}]',
      {
        ...LABELS,
        zone: 'eu-west',
      },
    ],
    [
      'UPPERCASE',
      '[{action: Uppercase, source_labels: [zone], target_label: zone}]',
      {
        ...LABELS,
        zone: 'EU-WEST',
      },
    ],
    ['keepequal', '[{action: keepequal, source_labels: [job], target_label: zone}]', {}],
    ['dropequal', '[{action: dropequal, source_labels: [job], target_label: zone}]', LABELS],
    [
      'labelmap',
      '[{action: labelmap, regex: "(j)ob|(z)one", replacement: "m_$1$2"}]',
      { ...LABELS, m_j: 'node', m_z: 'EU-West' },
    ],
    ['labeldrop', '[{action: labeldrop, regex: "z.*|i.*|e.*"}]', { __name__: 'up', job: 'node' }],
    ['labelkeep', '[{action: labelkeep, regex: "job"}]', { job: 'node' }],
    ['labelkeep of nothing', '[{action: labelkeep, regex: "x"}]', {}],
    [
      'one after the other, later rules see what earlier ones set',
      '[{target_label: a, replacement: b}, {source_labels: [a], target_label: c}, {action: labelkeep, regex: "[ac]"}]',
      { a: 'b', c: 'b' },
    ],
  ])('%s', (_, yaml, expected) => {
    expect(relabelled(yaml)).toEqual(expected)
  })

  it('hashmod is the last eight bytes of MD5 modulo', () => {
    // `printf 'node;a:9100' | md5sum` ends in these digits.
    const digits = '0x629d06dec8086c67'
    const yaml =
      '[{action: hashmod, source_labels: [job, instance], modulus: 1000, target_label: shard}]'
    expect(relabelled(yaml)['shard']).toBe(String(BigInt(digits) % 1000n))
  })

  it('labelmap goes over labels that were set after those that stand', () => {
    // Both become `x`: the one that Prometheus comes to last stays.
    const yaml =
      '[{target_label: a1, replacement: new}, {action: labelmap, regex: "[ab]\\\\d", replacement: x}]'
    expect(relabelled(yaml, { a1: 'old', b2: 'b' })['x']).toBe('new')
  })

  it('changes case character by character, as Go does', () => {
    const rule = (action: string) => `[{action: ${action}, source_labels: [t], target_label: t}]`
    expect(relabelled(rule('uppercase'), { t: 'straße ᾳ é' })['t']).toBe('STRAßE ᾼ É')
    expect(relabelled(rule('lowercase'), { t: 'ΟΔΟΣ İ' })['t']).toBe('οδοσ i')
  })
})

it.each([
  ['[{action: move}]', /^rules: action move is none of replace, .* and uppercase$/],
  ['[{}]', 'rules: replace needs a target_label'],
  [
    '[{action: lowercase, target_label: a, replacement: b}]',
    'rules: lowercase takes no replacement',
  ],
  ['[{action: labeldrop, source_labels: [a]}]', 'rules: labeldrop takes a regex, nothing else'],
  [
    '[{action: keepequal, target_label: a, regex: b}]',
    'rules: keepequal takes source_labels and target_label, nothing else',
  ],
  ['[{action: labelmap, replacement: ""}]', 'rules: labelmap needs a replacement'],
  ['[{action: hashmod, target_label: a, modulus: -1}]', 'rules: hashmod needs a modulus'],
  ['[{action: keep, regex: "("}]', /^rules: error parsing regexp: missing closing \)/],
])('refuses %s', (yaml, message) => {
  expect(() => parseRelabelConfigs(yaml, 'rules')).toThrow(message)
})

it("is written as Prometheus's JSON", () => {
  const [one, two] = parseRelabelConfigs(
    '[{source_labels: [a], regex: b, target_label: c}, {action: labeldrop, regex: d}]',
    'rules',
  ).map(relabelConfigToJson)
  expect(one).toEqual({
    source_labels: ['a'],
    separator: ';',
    regex: 'b',
    target_label: 'c',
    replacement: '$1',
    action: 'replace',
  })
  expect(two).toEqual({ separator: ';', regex: 'd', replacement: '$1', action: 'labeldrop' })
})
