/**
 * Seeds what compose.yml started and looks whether all of it works together: node cli/launch.mjs --run localstack/compose/smoke.ts
 * Prints a line for each step, and what to do about those that are wrong; ends with 1 where one is.
 */
import { parseArgs } from 'node:util'
import { type Places, smokeSteps } from './smoke/steps.ts'
import { runSteps } from './smoke/run-steps.ts'

const { values } = parseArgs({
  options: {
    s3: { type: 'string', default: '127.0.0.1:9000' },
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    agent: { type: 'string', default: 'http://127.0.0.1:10903' },
    thaw: { type: 'string', default: 'http://127.0.0.1:10902' },
    alertmanager: { type: 'string', default: 'http://127.0.0.1:9093' },
    /** Empty: there is none. */
    grafana: { type: 'string', default: 'http://127.0.0.1:3000' },
    /** Seconds that each step may take until it is wrong. */
    patience: { type: 'string', default: '180' },
  },
})
const patience = Number(values.patience)
if (!(patience > 0)) {
  process.stderr.write(`--patience is ${JSON.stringify(values.patience)}, want seconds\n`)
  process.exit(2)
}
const { patience: _patience, ...places } = values
const wrong = await runSteps(smokeSteps(places satisfies Places), {
  patienceMs: patience * 1000,
  write: (line) => void process.stdout.write(`${line}\n`),
})
process.exitCode = wrong === 0 ? 0 : 1
