/**
 * Asks promtool 3.14 about every file of rule-cases.ts and writes golden.json:
 *
 *   THAW_PROMTOOL=promtool node cli/launch.mjs --run test/rules/file/make-golden.ts
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RULE_FILES } from './rule-cases.ts'

const promtool = process.env['THAW_PROMTOOL'] ?? 'promtool'
const directory = mkdtempSync(join(tmpdir(), 'rule-cases-'))
const file = join(directory, 'rules.yml')
const answers: Record<string, readonly string[]> = {}
for (const [name, text] of RULE_FILES) {
  writeFileSync(file, text)
  const { stderr } = spawnSync(promtool, ['check', 'rules', '--lint=none', file], {
    encoding: 'utf8',
  })
  const said = stderr.replaceAll(/^time=.*\n|^ {2}FAILED:\n/gm, '')
  const findings = said.split(`${file}: `).slice(1)
  // Go's maps have no order, and neither have these findings.
  answers[name] = findings.map((finding) => finding.replace(/\n$/, '')).toSorted()
}
rmSync(directory, { recursive: true })
const golden = { promtool: '3.14', command: 'promtool check rules --lint=none <file>', answers }
writeFileSync(new URL('golden.json', import.meta.url), `${JSON.stringify(golden, undefined, 2)}\n`)
