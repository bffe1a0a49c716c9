/** Waiting for a port: what is tried again and what is not. */
import { describe, expect, it } from 'vitest'
import { SILENT } from '#agent/logger.ts'
import { whenFree } from '#agent/when-free.ts'
import { DomainError } from '#lib/model/errors.ts'

function inUse(): DomainError {
  const cause = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' })
  return new DomainError('invalid', 'no port', { cause })
}

const never = new AbortController().signal

describe('an address', () => {
  it('that becomes free is taken', async () => {
    let tries = 0
    const listen = async (): Promise<string> => {
      if (++tries < 3) throw inUse()
      return 'here'
    }
    expect(await whenFree(listen, { logger: SILENT, now: Date.now, signal: never })).toBe('here')
    expect(tries).toBe(3)
  })

  it('that stays in use is an error in the end', async () => {
    let nowMs = 0
    const listen = async (): Promise<never> => {
      nowMs += 40_000
      throw inUse()
    }
    const options = { logger: SILENT, now: () => nowMs, signal: never }
    await expect(whenFree(listen, options)).rejects.toThrow('no port')
    expect(nowMs).toBe(80_000)
  })

  it('that can not be had at all is an error at once', async () => {
    let tries = 0
    const listen = async (): Promise<never> => {
      tries++
      throw new DomainError('invalid', 'EACCES')
    }
    const options = { logger: SILENT, now: Date.now, signal: never }
    await expect(whenFree(listen, options)).rejects.toThrow('EACCES')
    expect(tries).toBe(1)
  })
})
