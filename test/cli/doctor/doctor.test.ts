import { afterEach, describe, expect, it } from 'vitest'
import { thaw } from '../cli-fixture.ts'
import {
  doctor,
  endInstallation,
  flagWords,
  type Installation,
  makeInstallation,
  serve,
} from './installation.ts'

let installation: Installation | undefined
afterEach(async () => {
  if (installation) await endInstallation(installation)
  installation = undefined
})

describe('thaw doctor', () => {
  it('finds nothing wrong with a healthy installation', async () => {
    installation = await makeInstallation()
    const { code, err, findings } = await doctor(installation.flags)
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([])
    expect([code, err]).toEqual([0, ''])
    expect(findings.length).toBeGreaterThan(24)
    const names = findings.map(({ part, check }) => `${part} ${check}`)
    expect(new Set(names).size).toBe(names.length)
  })

  it('tells it as a list that ends with one sentence', async () => {
    installation = await makeInstallation()
    const { code, out } = await thaw(['doctor', ...flagWords(installation.flags)], {}, Date.now())
    expect(code).toBe(0)
    expect(out).not.toContain('\u001b')
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/^Nothing is wrong: \d+ checks\.$/)
    expect(out).toMatch(/^ {2}ok {11}conditional writes: the store keeps/m)
  })

  it.each([
    [[], /^thaw: nothing is named to look at, give --objstore.config-file=bucket.yml, --url=…/],
    [['--nope'], /^error: unknown option '--nope'/],
    [['--url=metrics'], /^thaw: "metrics" is no URL, write for example http:\/\/localhost:9090/],
    [['--url=http://a', '--user=a:b', '--token-file=c'], /^thaw: give --user or --token-file/],
    [['--url=http://a', '--token-file=/nowhere'], /^thaw: --token-file: ENOENT/],
    [['--answer-timeout=soon', '--url=http://a'], /write a duration such as 30s/],
    [['--objstore.config-file=/nowhere'], /^thaw: --objstore.config-file: ENOENT/],
  ])('ends with 2 for wrong flags: %j', async (flags, expected) => {
    const { code, out, err } = await thaw(['doctor', ...flags], {}, Date.now())
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(expected)
  })

  it('waits for no answer longer than it is told, in all', async () => {
    installation = await makeInstallation()
    const url = await serve({ '*': 'hang' }, installation.ends)
    const flags = { url, 'agent.url': url, 'alertmanager.url': url, 'prometheus.url': url }
    const { code, findings } = await doctor({ ...flags, 'answer-timeout': '20s', timeout: '1s' })
    expect(code).toBe(1)
    expect(findings.map(({ text }) => text)).toContain(
      'the API does not answer: the examination ended before',
    )
  })
})
