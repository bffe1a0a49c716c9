/** The flags of `thaw rules test`; what it says of tests is held against promtool in test/rules/unit-test. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { thaw } from '../cli-fixture.ts'

const RULES = `groups:
- name: g
  rules:
  - {record: twice, expr: x * 2}
  - {alert: High, expr: x > 1, annotations: {summary: 'at {{ $value }}'}}
`

const TESTS = `rule_files: [rules.yaml]
tests:
- name: right
  interval: 1m
  input_series: [{series: x, values: '1 2'}]
  promql_expr_test: [{expr: twice, eval_time: 1m, exp_samples: [{labels: twice, value: 4}]}]
- name: wrong <">
  interval: 1m
  input_series: [{series: x, values: '1 2'}]
  alert_rule_test:
  - {eval_time: 1m, alertname: High, exp_alerts: [{exp_annotations: {summary: at 3}}]}
`

let dir: string
let tests: string

beforeEach(async () => {
  dir = await temporaryDir()
  tests = join(dir, 'tests.yaml')
  await writeFile(join(dir, 'rules.yaml'), RULES)
  await writeFile(tests, TESTS)
})

const run = (...argv: string[]) => thaw(['rules', 'test', tests, ...argv])

describe('thaw rules test', () => {
  it('ends with 1 where a test fails', async () => {
    const { code, out, err } = await run()
    expect({ code, out }).toEqual({ code: 1, out: '\n\n' })
    expect(err).toMatch(/^ {2}FAILED:\n {4}name: wrong <">,\n {4}alertname: High, time: 1m, \n/)
  })

  it('runs what --run matches, anywhere in the name', async () => {
    expect(await run('--run=igh')).toEqual({ code: 0, out: '  SUCCESS\n\n', err: '' })
    expect((await run('--run=igh', '--run=^wrong')).code).toBe(1)
    expect((await run('--run=nothing')).code).toBe(0)
    expect((await run('--run=(')).err).toContain('missing closing )')
  })

  it('shows what differs with --diff', async () => {
    expect((await run('--diff')).err).toBe(`  FAILED:
    name: wrong <">,
    alertname: High, time: 1m, 
        diff:   [
              0:
                Labels:{alertname="High"}
            -   Annotations:{summary="at 3"}
            +   Annotations:{summary="at 2"}
              ]
`)
  })

  it('tells all series with --debug', async () => {
    expect((await run('--debug', '--run=right')).err).toBe(`DEBUG: Starting test right
DEBUG: Dump of all data (input_series and rules) at 1m1s:
{__name__="ALERTS", alertname="High", alertstate="firing"} =>
1 @[60000]
{__name__="ALERTS_FOR_STATE", alertname="High"} =>
60 @[60000]
{__name__="twice"} =>
4 @[60000]
{__name__="x"} =>
2 @[60000]
DEBUG: Test right finished, took 0s
`)
  })

  it('writes JUnit XML', async () => {
    const file = join(dir, 'results.xml')
    await thaw(['rules', 'test', `--junit=${file}`, tests, join(dir, 'rules.yaml')])
    const xml = await readFile(file, 'utf8')
    expect(xml).toContain(
      `<testsuites><testsuite name="${tests}" tests="2" failures="1" errors="0" skipped="0" timestamp="2026-01-31T12:00:00">` +
        '<testcase name="right"></testcase><testcase name="wrong &lt;&#34;&gt;"><failure>    name: wrong &lt;&#34;&gt;,&#xA;',
    )
    expect(xml).toContain(
      `<testsuite name="${join(dir, 'rules.yaml')}" tests="1" failures="0" errors="1" skipped="0" timestamp="">` +
        '<testcase name="unknown"><error>yaml: unmarshal errors:&#xA;  line 1: field groups not found',
    )
  })

  it('may pass over unknown fields of rule files, and know more PromQL', async () => {
    const more = RULES.replace('x * 2', '"mad_over_time(x[5m])"').replace(
      'name: g',
      'name: g\n  foo: 1',
    )
    await writeFile(join(dir, 'rules.yaml'), more)
    expect((await run()).err).toContain('field foo not found')
    expect((await run('--ignore-unknown-fields')).err).toContain('is not enabled')
    const features = '--enable-feature=promql-experimental-functions'
    const { err } = await run('--ignore-unknown-fields', features, '--run=right')
    expect(err).toContain('got: {__name__="twice"} 5E-01')
  })

  it('says that a file is not there', async () => {
    const { code, err } = await thaw(['rules', 'test', join(dir, 'no.yaml')])
    expect({ code, err }).toEqual({
      code: 1,
      err: `  FAILED:\n${join(dir, 'no.yaml')}: no such file or directory\n`,
    })
  })

  it('has an example in its --help that passes', async () => {
    const { out } = await thaw(['rules', 'test', '--help'])
    const example = /^ {2}rule_files:[^]*?\n\n/m.exec(out)![0].replaceAll(/^ {2}/gm, '')
    const rules = `groups:
- name: g
  rules:
  - {alert: Down, expr: up == 0, for: 5m, labels: {severity: page}, annotations: {summary: '{{ $labels.job }} is down'}}
`
    await writeFile(join(dir, 'rules.yaml'), rules)
    await writeFile(tests, example)
    expect(await run()).toEqual({ code: 0, out: '  SUCCESS\n\n', err: '' })
  })
})
