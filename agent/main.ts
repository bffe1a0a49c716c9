/** The agent's process: `node agent/main.ts --tsdb.path=… --objstore.config-file=…`. */
import { agentCommand } from './command.ts'
import { processSignals, runCommand } from './run-command.ts'

const command = agentCommand({
  env: process.env,
  write: (text) => void process.stdout.write(text),
  ...processSignals(),
})
process.exitCode = await runCommand(command, process.argv.slice(2))
