/**
 * A step of `npm test`: what the functions did on the embedded cloud in the whole run, and what their roles allow, both ways. Reads the
 * directory of `THAW_RIGHTS_RECORD`; ends with 1 where something was done that is not allowed, where something is allowed that none of the
 * recorded suites did, and where there is no record.
 */
import { writeFileSync } from 'node:fs'
import { compareRecords } from './policies/compare-records.ts'
import { readRecords } from './policies/rights-record.ts'
import { WITHOUT_ROLES } from './policies/without-roles.ts'
import type { Tally } from './tally-reporter.ts'

const records = readRecords(process.env['THAW_RIGHTS_RECORD'] ?? '')
const { suites, functions, deeds, allowances, flaws, missing } = compareRecords(records)

console.log(
  `${functions} functions in ${suites.length} suites: ${deeds} deeds, ${allowances} allowances`,
)
console.log(`compared: ${suites.join(', ') || 'nothing'}`)
const chosen = new Set<string>(records.flatMap(({ without }) => without?.choice ?? []))
for (const [where, why] of Object.entries(WITHOUT_ROLES)) {
  console.log(`without roles: ${where}: ${why}${chosen.has(where) ? '' : ' (not in this run)'}`)
}
for (const [suite, why] of missing) console.log(`without roles: ${suite}: ${why}`)
for (const flaw of flaws) console.log(flaw)
// Where no roles can be had, that is told as a skip. Otherwise of nothing nothing can be said.
const isEmpty = functions === 0 && missing.size === 0
if (isEmpty) console.log('nothing is recorded: no function ran in its role before this step')

const tally: Tally = {
  passed: functions - new Set(flaws.map((flaw) => flaw.split(' ')[0])).size,
  failed: flaws.length + (isEmpty ? 1 : 0),
  skipped: [...missing].map(([suite, reason]) => ({ test: `the rights of ${suite}`, reason })),
}
const file = process.env['THAW_TALLY']
if (file !== undefined) writeFileSync(file, JSON.stringify(tally))
process.exitCode = tally.failed > 0 ? 1 : 0
