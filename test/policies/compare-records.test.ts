import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compareRecords } from './compare-records.ts'
import { keepRecord, readRecords, type RightsRecord } from './rights-record.ts'

const read = (on: string) => ({ action: 's3:GetObject', on })
const record = (suite: string, more: Partial<RightsRecord> = {}): RightsRecord => ({
  suite,
  granted: { plan: [read('b/*')] },
  done: { plan: [] },
  ...more,
})

it('unites what was done, and takes each deed by the roles of its own cloud', () => {
  const wider = { plan: [read('b/*'), read('c/*')] }
  const comparison = compareRecords([
    record('one', { granted: wider, done: { plan: [read('c/k')] } }),
    record('two', { done: { plan: [read('b/k')] } }),
    record('two', { done: { plan: [read('b/k')] } }),
  ])
  expect(comparison).toEqual({
    suites: ['one', 'two'],
    functions: 1,
    deeds: 2,
    allowances: 2,
    flaws: [],
    missing: new Map(),
  })
  const other = record('two', { done: { plan: [read('c/k')] } })
  expect(compareRecords([record('one', { granted: wider }), other]).flaws).toEqual([
    'plan does s3:GetObject on c/k, and is not allowed to (two)',
    'plan may s3:GetObject on b/*, and never does',
  ])
})

it('takes nothing from clouds without roles, and tells of those that should have some', () => {
  const bare = { granted: { plan: [] }, done: { plan: [read('b/k')] } }
  const comparison = compareRecords([
    record('none', { ...bare, without: { missing: 'no MinIO' } }),
    record('choice', { ...bare, without: { missing: 'x', choice: 'bad-bucket.test.ts' } }),
  ])
  expect(comparison).toMatchObject({ suites: [], functions: 0, flaws: [] })
  expect([...comparison.missing]).toEqual([['none', 'no MinIO']])
})

it('reads what was kept', () => {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-rights-'))
  keepRecord(undefined, record('nowhere'))
  keepRecord(join(directory, 'rights'), record('one'))
  keepRecord(join(directory, 'rights'), record('two'))
  const suites = readRecords(join(directory, 'rights')).map(({ suite }) => suite)
  expect(suites.toSorted()).toEqual(['one', 'two'])
  expect(readRecords(join(directory, 'nothing'))).toEqual([])
  rmSync(directory, { recursive: true })
})
