/** `node test/compact/histories/run.ts --count 2000`: histories by chance, until one goes wrong. */
import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { runHistory } from './history.ts'

const program = new Command()
  .description('Compactions in any order, with deaths at any operation, change no answer')
  .option('--count <n>', 'histories', '2000')
  .option('--seed <n>', 'of the first one; the others count on from it', '1')
  .option('--log <file>', 'where what happened in a failed history goes')
  .option('--go-on', 'do not end at the first that fails')
  .parse()

const options = program.opts<{ count: string; seed: string; log?: string; goOn?: boolean }>()
const count = Number(options.count)
const first = Number(options.seed)
const total: Record<string, number> = {}
const startedMs = performance.now()
let failed = 0
let done = 0
for (let seed = first; seed < first + count; seed++) {
  const { failures, log, counts } = await runHistory(seed)
  done++
  for (const [name, value] of Object.entries({ ...counts, ...counts.outcomes })) {
    if (typeof value === 'number') total[name] = (total[name] ?? 0) + value
  }
  if (failures.length > 0) {
    failed++
    console.log(`\nseed ${seed}: ${failures.join('\n')}`)
    if (options.log !== undefined) await writeFile(options.log, log.join('\n') + '\n')
    if (!options.goOn) break
  }
  if (done % 50 === 0) console.log(summary())
}
console.log(summary())
process.exitCode = failed > 0 ? 1 : 0

function summary(): string {
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  const counts = Object.entries(total).map(([name, value]) => `${name} ${value}`)
  return `${done} histories, ${failed} failed, ${seconds} s: ${counts.join(', ')}`
}
