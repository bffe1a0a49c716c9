/** What functions logged, kept in files for whoever wants to look at it afterwards: `THAW_CLOUD_LOGS` names a directory. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LogSink } from './log-lines.ts'

/** Each line goes to `log` and, where there is a directory, into a file of this process. */
export function keepLogs(directory: string | undefined, log: LogSink): LogSink {
  if (directory === undefined || directory === '') return log
  mkdirSync(directory, { recursive: true })
  const file = join(directory, `${process.pid}.log`)
  return (functionName, line) => {
    appendFileSync(file, `[${functionName}] ${line}\n`)
    log(functionName, line)
  }
}
