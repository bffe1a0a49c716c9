/** Hashes that libxcrypt 4.4 made: `perl -e 'print crypt($password, $salt)'`. */
import { describe, expect, it } from 'vitest'
import { isBcryptHash, matchesBcrypt } from '#agent/web-config/bcrypt.ts'

const HASHES = [
  ['secret', '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'],
  ['', '$2a$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO'],
  ['ü'.repeat(40), '$2y$06$XajjQvNhvvRt5GSeFk1xFe20/Dq60EwSJw.YyaTodMAQfSduFl2LC'],
  ['pw', '$2y$10$XajjQvNhvvRt5GSeFk1xFewgfztj8S.X6GgXsL6950enlhVp7v8Zi'],
] as const

describe('bcrypt', () => {
  it.each(HASHES)('%j has the hash %s', async (password, hash) => {
    expect(isBcryptHash(hash)).toBe(true)
    expect(await matchesBcrypt(password, hash)).toBe(true)
  })

  it.each(HASHES.slice(0, 2))('x and %j does not', async (password, hash) => {
    expect(await matchesBcrypt(`x${password}`, hash)).toBe(false)
  })

  it.each([
    'secret',
    '$2b$03$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
    '$2x$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
    '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0',
    '',
  ])('%j is no hash', (text) => {
    expect(isBcryptHash(text)).toBe(false)
  })
})
