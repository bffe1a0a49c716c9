/** Rulers in processes of their own, which are killed at any step of their ticks. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import type { TickReport } from '#lib/rules/tick/tick-report.ts'

export interface RulerSettings {
  readonly directory: string
  readonly alertmanagerUrl: string
  /** Its only external label. */
  readonly run: string
  /** Of a tick: so long nobody takes over from one that was killed. */
  readonly lastsMs: number
}

export type FromRuler =
  | { readonly type: 'ready' }
  | { readonly type: 'step'; readonly what: string }
  | { readonly type: 'end'; readonly report?: TickReport; readonly error?: string }

/** What happens to a ruler: at a step, and then after a while, it is killed. */
export interface Fate {
  readonly step: number
  readonly afterMs: number
}

export interface TickEnd {
  /** The last one that it told of, of all. */
  readonly steps: readonly string[]
  readonly killed: boolean
  readonly report?: TickReport | undefined
  readonly error?: string | undefined
}

const FILE = fileURLToPath(new URL('ruler-process.ts', import.meta.url))

export class RulerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()))
  }

  static async start(settings: RulerSettings): Promise<RulerProcess> {
    const child = fork(FILE, [JSON.stringify(settings)], { execArgv: [] })
    const ruler = new RulerProcess(child)
    await Promise.race([
      new Promise((resolve) => child.once('message', resolve)),
      ruler.#exited.then(() => {
        throw new Error('a ruler ended before it was ready')
      }),
    ])
    return ruler
  }

  async tick(fate?: Fate): Promise<TickEnd> {
    const child = this.#child
    const steps: string[] = []
    let isDoomed = false
    const end = new Promise<TickEnd>((resolve) => {
      const listen = (message: FromRuler): void => {
        if (message.type === 'step') {
          steps.push(message.what)
          if (fate !== undefined && steps.length === fate.step) {
            isDoomed = true
            if (fate.afterMs === 0) child.kill('SIGKILL')
            else setTimeout(() => child.kill('SIGKILL'), fate.afterMs)
          }
        } else if (message.type === 'end') {
          child.off('message', listen)
          if (!isDoomed) resolve({ steps, killed: false, ...message })
        }
      }
      child.on('message', listen)
    })
    child.send('tick')
    const killed = this.#exited.then(() => ({ steps, killed: true }))
    return Promise.race([end, killed])
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await Promise.race([this.#exited, wait(5000).then(() => this.#child.kill('SIGKILL'))])
  }
}
