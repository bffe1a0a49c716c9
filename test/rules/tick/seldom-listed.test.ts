import { expect, it } from 'vitest'
import { seldomListed } from '#lib/rules/tick/seldom-listed.ts'
import type { ListedRuleFile, RuleFiles } from '#lib/rules/tick/tick-parts.ts'

function file(name: string, etag = '1'): ListedRuleFile {
  return { name, etag, modifiedMs: 0 }
}

it('lists rule files again after a time, when it is told to, and where the state has others', async () => {
  let stored = [file('a.yaml'), file('b.yaml')]
  let lists = 0
  let fails = false
  const source: RuleFiles = {
    async list() {
      lists++
      if (fails) throw new Error('down')
      return stored
    },
    get: async (name) => name,
  }
  let nowMs = 1000
  const seldom = seldomListed(source, { everyMs: 100, now: () => nowMs })
  const { files } = seldom
  const listed = async (known: readonly ListedRuleFile[]): Promise<number> => {
    const before = lists
    expect(await files.list(known)).toEqual(stored)
    return lists - before
  }
  expect(await files.get('a.yaml')).toBe('a.yaml')
  expect(await listed([])).toBe(1)
  // The state did not take them in.
  expect(await listed([])).toBe(1)
  expect(await listed(stored)).toBe(0)
  nowMs = 1099
  expect(await listed(stored)).toBe(0)
  nowMs = 1100
  expect(await listed(stored)).toBe(1)

  const before = stored
  stored = [file('a.yaml', '2')]
  expect(await files.list(before)).toBe(before)
  seldom.lookAgain()
  expect(await listed(before)).toBe(1)
  expect(await listed(stored)).toBe(0)
  // A clock that went back is no reason to wait for it.
  nowMs = 10
  expect(await listed(stored)).toBe(1)

  nowMs = 500
  fails = true
  await expect(files.list(stored)).rejects.toThrow('down')
  fails = false
  expect(await listed(stored)).toBe(1)
})
