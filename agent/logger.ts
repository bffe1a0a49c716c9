/** Structured logs by pino, on stderr, as logfmt (what Thanos writes) or as JSON lines. */
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { DomainError } from '#lib/model/errors.ts'

export type LogFormat = 'logfmt' | 'json' | 'journald'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The part of pino's logger that the agent uses: facts first, then the message. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  readonly write?: ((line: string) => void) | undefined
}

export function createLogger({ level, format, write = writeStderr }: LoggerOptions): Logger {
  const stream = { write: (line: string) => write(FORMATS[format](line)) }
  return pino(
    {
      level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    stream,
  )
}

/** The same, with facts that every line has. */
export function loggerWith(logger: Logger, facts: object): Logger {
  return {
    debug: (more, message) => logger.debug({ ...facts, ...more }, message),
    info: (more, message) => logger.info({ ...facts, ...more }, message),
    warn: (more, message) => logger.warn({ ...facts, ...more }, message),
    error: (more, message) => logger.error({ ...facts, ...more }, message),
  }
}

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** An error is one field: its text, with the causes that add something behind it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const texts = [error.message]
  let cause = causeOf(error)
  for (let depth = 0; cause instanceof Error && depth < 5; depth++, cause = causeOf(cause)) {
    // Stores end with a full stop, and the SDK puts hints of its own on lines behind theirs.
    const said = cause.message.split('\n', 1)[0]!.trim().replace(/\.$/, '')
    const isNew =
      said !== '' && said !== 'UnknownError' && !texts.some((text) => text.includes(said))
    if (isNew) texts.push(said)
  }
  return texts.join(': ')
}

function causeOf(error: Error): unknown {
  return error instanceof DomainError && error.isWhole ? undefined : error.cause
}

const FORMATS: Readonly<Record<LogFormat, (jsonLine: string) => string>> = {
  json: (line) => line,
  logfmt,
  journald: (line) => `<${PRIORITIES[levelOf(line)]}>${logfmt(line)}`,
}

/** As syslog numbers them; systemd takes them from the beginning of a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 }

function levelOf(jsonLine: string): LogLevel {
  return (JSON.parse(jsonLine) as { readonly level: LogLevel }).level
}

function logfmt(jsonLine: string): string {
  const { ts, level, msg, ...facts } = JSON.parse(jsonLine) as Record<string, unknown>
  const pairs = Object.entries({ ts, level, msg, ...facts })
  return `${pairs.map(([key, value]) => `${key}=${logfmtValue(value)}`).join(' ')}\n`
}

function logfmtValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s="\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)
}

/** Synchronous, so that the last lines before an exit are not lost. */
function writeStderr(line: string): void {
  try {
    writeSync(2, line)
  } catch (error) {
    // A full pipe or a closed terminal must not stop the shipping.
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EAGAIN' && code !== 'EPIPE') throw error
  }
}
