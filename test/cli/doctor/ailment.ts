/** One thing at a time goes wrong in a healthy installation: the doctor names that, with the next step, and nothing else. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { doctor, endInstallation, type Installation, makeInstallation } from './installation.ts'

type Flags = Record<string, string>

export interface Ailment {
  readonly name: string
  /** Gives flags to use in place of others; '' takes one away. */
  readonly ail: (given: Installation) => Promise<Flags | void>
  readonly level: 'wrong' | 'warning' | 'unchecked'
  /** `part check: text`. */
  readonly found: RegExp
  readonly seen?: RegExp
  /** Absent where the text says it. */
  readonly next?: RegExp
  /** What follows of it and is told too: `part check`. */
  readonly also?: readonly string[]
}

export async function index({ bucket }: Installation): Promise<void> {
  await updateBucketIndex(bucket, { now: Date.now })
}

export function itFinds(ailments: readonly Ailment[]): void {
  let given: Installation
  beforeEach(async () => {
    given = await makeInstallation()
  })
  afterEach(() => endInstallation(given))

  it.each(ailments)('$name', async ({ ail, level, found, seen, next, also = [] }) => {
    const { 'read-only': readOnly, ...changed } = (await ail(given)) ?? {}
    const flags = Object.entries({ ...given.flags, ...changed }).filter(([, value]) => value !== '')
    const more = readOnly === undefined ? [] : ['--read-only']
    const { code, findings } = await doctor(Object.fromEntries(flags), more)
    const told = findings.filter((finding) => finding.level !== 'ok')
    const text = (one: (typeof told)[number]) => `${one.part} ${one.check}: ${one.text}`
    const named = told.find((one) => found.test(text(one)))
    const all = told.map(text)
    expect({ all, level: named?.level }).toEqual({ all, level })
    expect((named!.seen ?? []).join('\n')).toMatch(seen ?? /^/)
    expect(named!.next ?? '').toMatch(next ?? /^/)
    const others = told.filter((one) => one !== named).map(text)
    expect(others.filter((one) => !also.some((name) => one.startsWith(name)))).toEqual([])
    expect(code).toBe(told.some((one) => one.level === 'wrong') ? 1 : 0)
  })
}
