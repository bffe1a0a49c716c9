/** The `thaw` process. */
import { processSignals, runCommand } from '#agent/run-command.ts'
import { thawProgram } from './program.ts'

const context = {
  env: process.env,
  now: Date.now,
  write: (text: string) => void process.stdout.write(text),
  writeError: (text: string) => void process.stderr.write(text),
  colours: process.stdout.isTTY && process.stdout.hasColors() && !process.env['NO_COLOR'],
  terminal: process.stderr.isTTY ? process.stderr : undefined,
  ...processSignals(),
}
// `thaw query … | head` closes our output early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.exitCode = await runCommand(thawProgram(context), process.argv.slice(2), context.writeError)
