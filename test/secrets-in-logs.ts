/**
 * The last step of `npm test`: no line that a function logged in the whole run may have a secret in it. Reads the files of `THAW_CLOUD_LOGS`; ends with 1 where
 * there is one, and names the file and the line, with the secret cut short.
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
    lines++
    for (const secret of secretsIn(line)) {
      found++
      console.log(`${file}:${i + 1}: ${secret} in: ${line.slice(0, 60)}…`)
    }
  }
}
console.log(`${found} secrets in ${lines} lines that functions logged`)
process.exitCode = found > 0 ? 1 : 0
