import { describe, expect, it } from 'vitest'
import { parseRuleFile } from '#lib/rules/file/rule-file.ts'

describe('parseRuleFile', () => {
  it('gives groups with their defaults', () => {
    const text = `
groups:
- name: g
  interval: 1m30s
  query_offset: 0s
  limit: 5
  labels: {team: a, severity: info}
  rules:
  - record: job:up
    expr: sum by (job) (up)
  - alert: Down
    expr: |
      up == 0
    for: 5m
    keep_firing_for: 1h
    labels: {severity: page, on: yes}
    annotations: {summary: 1.50}
- name: h
`
    expect(parseRuleFile(text)).toEqual({
      warnings: [],
      groups: [
        {
          name: 'g',
          intervalMs: 90_000,
          queryOffsetMs: 0,
          limit: 5,
          labels: { team: 'a', severity: 'info' },
          partialResponse: 'abort',
          rules: [
            {
              type: 'recording',
              record: 'job:up',
              expr: 'sum by (job) (up)',
              labels: { team: 'a', severity: 'info' },
            },
            {
              type: 'alerting',
              alert: 'Down',
              expr: 'up == 0\n',
              forMs: 300_000,
              keepFiringForMs: 3_600_000,
              labels: { team: 'a', severity: 'page', on: 'yes' },
              annotations: { summary: '1.50' },
            },
          ],
        },
        { name: 'h', limit: 0, labels: {}, partialResponse: 'abort', rules: [] },
      ],
    })
  })

  it("knows Thanos's partial_response_strategy", () => {
    const of = (text: string) =>
      parseRuleFile(`groups: [{name: g, partial_response_strategy: ${text}}]`).groups[0]!
        .partialResponse
    expect([of('warn'), of('WARN'), of('Abort'), of('""'), of('~')]).toEqual([
      'warn',
      'warn',
      'abort',
      'abort',
      'abort',
    ])
    const reason = `failed to unmarshal "no" as 'partial_response_strategy'. Possible values are ABORT,WARN`
    expect(() => of('no')).toThrow(`${reason}\n${reason}`)
  })

  it('takes what a merge brings unless the rule says otherwise, the first of several before the others', () => {
    const text = `
groups:
- name: g
  rules:
  - &a {alert: A, expr: up, for: 1m, labels: &l {x: "1"}}
  - &b {alert: B, expr: down, keep_firing_for: 2m}
  - {<<: [*a, *b], alert: C, labels: {<<: *l, y: "2"}}
`
    expect(parseRuleFile(text).groups[0]!.rules[2]).toEqual({
      type: 'alerting',
      alert: 'C',
      expr: 'up',
      forMs: 60_000,
      keepFiringForMs: 120_000,
      labels: { x: '1', y: '2' },
      annotations: {},
    })
  })

  it('begins each finding with the name of the file', () => {
    const text = 'groups: [{name: g, rules: [{record: a}, {expr: up}]}]'
    expect(() => parseRuleFile(text, { name: 'a.yaml' })).toThrow(
      `a.yaml: 0:0: group "g", rule 1, "a": field 'expr' must be set in rule\n` +
        `a.yaml: 0:0: 0:0: group "g", rule 2, "": one of 'record' or 'alert' must be set`,
    )
  })

  it('says that it reads one document', () => {
    expect(parseRuleFile('groups: []\n---\ngroups: [{]').warnings).toEqual([
      'Multiple document yaml rules files are not supported, only the first document is processed',
    ])
  })

  it('may pass over fields it does not know', () => {
    const text = 'groups: [{name: g, team: a}]'
    expect(() => parseRuleFile(text)).toThrow('field team not found in type rulefmt.RuleGroup')
    expect(parseRuleFile(text, { ignoreUnknownFields: true }).groups[0]!.name).toBe('g')
  })

  it('reads expressions with the features that are on', () => {
    const text = 'groups: [{name: g, rules: [{record: a, expr: "mad_over_time(up[5m])"}]}]'
    const features = new Set(['promql-experimental-functions'] as const)
    expect(() => parseRuleFile(text)).toThrow('function "mad_over_time" is not enabled')
    expect(parseRuleFile(text, { features }).groups).toHaveLength(1)
  })

  it('has labels of any name', () => {
    const text = 'groups: [{name: g, rules: [{record: a, expr: up, labels: {__proto__: x}}]}]'
    expect(Object.entries(parseRuleFile(text).groups[0]!.rules[0]!.labels)).toEqual([
      ['__proto__', 'x'],
    ])
  })

  it('refuses a bomb of aliases', () => {
    const lines = ['a0: &a0 {name: x, rules: []}']
    for (let i = 1; i < 9; i++) {
      lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join()}]`)
    }
    const groups = `groups: [${Array.from({ length: 9 }, () => '*a8').join()}]`
    expect(() => parseRuleFile([...lines, groups].join('\n'))).toThrow(/cannot unmarshal !!seq/)
    const rules = Array.from({ length: 2000 }, () => '*r').join()
    const many = Array.from({ length: 600 }, (_, i) => `{name: g${i}, rules: *rs}`).join()
    const bomb = `groups: [{name: g, rules: &rs [&r {record: a, expr: up}, ${rules}]}, ${many}]`
    expect(() => parseRuleFile(bomb)).toThrow('document contains excessive aliasing')
  })
})
