/** Passwords as bcrypt keeps them (Provos and Mazières, 1999): `$2y$10$…`, what `htpasswd -B` writes. */
import { timingSafeEqual } from 'node:crypto'
import { setImmediate as pause } from 'node:timers/promises'

const ROUNDS = 16
const BOXES = 4 * 256
const WORDS = ROUNDS + 2 + BOXES
/** Between two of these runs of the key schedule others have their turn, some 5 ms. */
const TURN = 64

const HASH = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/

export function isBcryptHash(text: string): boolean {
  const cost = Number(HASH.exec(text)?.[1])
  return cost >= 4 && cost <= 31
}

/** Takes 2^cost runs of Blowfish's key schedule: about 0.1 s at cost 10. `hash` passes `isBcryptHash`. */
export async function matchesBcrypt(password: string, hash: string): Promise<boolean> {
  const [, cost, salt, digest] = HASH.exec(hash)!
  const own = await bcrypt(password, decode64(salt!, 16), Number(cost))
  return timingSafeEqual(own, decode64(digest!, 23))
}

async function bcrypt(password: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  const key = wordsOf(Buffer.concat([Buffer.from(password).subarray(0, 72), Buffer.alloc(1)]), 18)
  const salts = wordsOf(salt, 18)
  const state = piWords().slice()
  schedule(state, key, salts)
  for (let i = 0; i < 2 ** cost; i++) {
    schedule(state, key)
    schedule(state, salts)
    if (i % TURN === TURN - 1) await pause()
  }
  const text = wordsOf(Buffer.from('OrpheanBeholderScryDoubt'), 6)
  for (let at = 0; at < 6; at += 2) for (let i = 0; i < 64; i++) encipher(state, text, at)
  const bytes = Buffer.alloc(24)
  text.forEach((word, i) => bytes.writeInt32BE(word, 4 * i))
  return bytes.subarray(0, 23)
}

/** The bytes again and again, big-endian. */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  const words = new Int32Array(count)
  for (let i = 0; i < 4 * count; i++) {
    words[i >> 2] = (words[i >> 2]! << 8) | bytes[i % bytes.length]!
  }
  return words
}

/** The state is Blowfish's 18 subkeys and behind them its four boxes. `salts` are mixed in at the first run. */
function schedule(state: Int32Array, key: Int32Array, salts?: Int32Array): void {
  for (let i = 0; i < ROUNDS + 2; i++) state[i]! ^= key[i]!
  const block = new Int32Array(2)
  for (let at = 0; at < WORDS; at += 2) {
    if (salts !== undefined) {
      block[0]! ^= salts[at % 4]!
      block[1]! ^= salts[(at % 4) + 1]!
    }
    encipher(state, block, 0)
    state[at] = block[0]!
    state[at + 1] = block[1]!
  }
}

/** Two words, in place. */
function encipher(state: Int32Array, block: Int32Array, at: number): void {
  let left = block[at]! ^ state[0]!
  let right = block[at + 1]!
  for (let round = 1; round <= ROUNDS; round += 2) {
    right ^= mix(state, left) ^ state[round]!
    left ^= mix(state, right) ^ state[round + 1]!
  }
  block[at] = right ^ state[ROUNDS + 1]!
  block[at + 1] = left
}

function mix(state: Int32Array, word: number): number {
  const a = state[18 + (word >>> 24)]!
  const b = state[274 + ((word >>> 16) & 255)]!
  const c = state[530 + ((word >>> 8) & 255)]!
  const d = state[786 + (word & 255)]!
  return (((a + b) ^ c) + d) | 0
}

let pi: Int32Array | undefined

/** Blowfish begins with the digits of pi behind the point, here by Machin's formula. About 50 ms, once. */
function piWords(): Int32Array {
  if (pi !== undefined) return pi
  const guard = 64n
  const one = 1n << (BigInt(32 * WORDS) + guard)
  const arctanOfInverse = (x: bigint): bigint => {
    let power = one / x
    let sum = power
    for (let n = 3n, sign = -1n; power > 0n; n += 2n, sign = -sign) {
      power /= x * x
      sum += (sign * power) / n
    }
    return sum
  }
  const fraction = 16n * arctanOfInverse(5n) - 4n * arctanOfInverse(239n) - 3n * one
  const digits = (fraction >> guard).toString(16).padStart(8 * WORDS, '0')
  pi = Int32Array.from({ length: WORDS }, (_, i) =>
    Number.parseInt(digits.slice(8 * i, 8 * i + 8), 16),
  )
  return pi
}

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** bcrypt's own order of base64's characters. */
function decode64(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let bits = 0
  let held = 0
  let at = 0
  for (const character of text) {
    held = ((held << 6) | ALPHABET.indexOf(character)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    if (at < length) bytes[at++] = (held >> bits) & 255
  }
  return bytes
}
