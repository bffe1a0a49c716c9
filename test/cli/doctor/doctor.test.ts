import { afterEach, describe, expect, it } from 'vitest'
import { thaw } from '../cli-fixture.ts'
import {
  doctor,
  endInstallation,
  flagWords,
  type Installation,
  makeInstallation,
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
})
