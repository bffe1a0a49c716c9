/**
 * The last step of `npm test`: no line that a function logged in the whole run may have a secret in it. Reads the files of `THAW_CLOUD_LOGS`; ends with 1 where
 * there is one, and says which function wrote it and what it looks like, not what it is.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { secretsIn } from './secret-patterns.ts'

const directory = process.env['THAW_CLOUD_LOGS'] ?? ''
const files = existsSync(directory) ? readdirSync(directory).sort() : []
let lines = 0
let found = 0
for (const file of files) {
  for (const [i, line] of readFileSync(join(directory, file), 'utf8').split('\n').entries()) {
    if (line !== '') lines++
    for (const secret of secretsIn(line)) {
      found++
      console.log(`${file}:${i + 1}: ${secret}, logged by ${/^\[[\w-]+\]/.exec(line)?.[0]}`)
    }
  }
}
console.log(`${found} secrets in ${lines} lines that functions logged`)
// Of nothing nothing can be said: then the logs were not kept.
process.exitCode = found > 0 || lines === 0 ? 1 : 0
