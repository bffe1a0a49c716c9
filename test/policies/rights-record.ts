/** What the functions of a cloud did and what their roles allow, kept in files for test/rights-in-use.ts: `THAW_RIGHTS_RECORD` names a directory. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import type { Allowance, Deed } from './allowance.ts'
import type { WithoutRoles } from './without-roles.ts'

/** Why functions had no roles: by choice, or for want of a peer. */
export interface NoRoles {
  readonly missing: string
  readonly choice?: WithoutRoles
}

/** Of one cloud. */
export interface RightsRecord {
  /** Name of the test file. */
  readonly suite: string
  /** By name of the function. */
  readonly granted: Readonly<Record<string, readonly Allowance[]>>
  readonly done: Readonly<Record<string, readonly Deed[]>>
  readonly without?: NoRoles | undefined
}

export function keepRecord(directory: string | undefined, record: RightsRecord): void {
  if (directory === undefined || directory === '') return
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, `${randomUUID()}.json`), JSON.stringify(record))
}

export function readRecords(directory: string): RightsRecord[] {
  const files = existsSync(directory) ? readdirSync(directory) : []
  return files.map(
    (file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as RightsRecord,
  )
}
