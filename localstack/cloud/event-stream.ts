/** Frames of the `application/vnd.amazon.eventstream` encoding, in which Lambda streams an answer. */
import { crc32 } from 'node:zlib'

const STRING = 7

/**
 *   u32 total length | u32 length of headers | u32 crc of these eight bytes
 *   headers: u8 length, name, u8 type 7, u16 length, value
 *   payload | u32 crc of all before it
 */
export function encodeEvent(eventType: string, contentType: string, payload: Uint8Array): Buffer {
  const headers = Buffer.concat([
    encodeHeader(':message-type', 'event'),
    encodeHeader(':event-type', eventType),
    encodeHeader(':content-type', contentType),
  ])
  const frame = Buffer.alloc(12 + headers.length + payload.length + 4)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(headers.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  frame.set(headers, 12)
  frame.set(payload, 12 + headers.length)
  frame.writeUInt32BE(crc32(frame.subarray(0, frame.length - 4)), frame.length - 4)
  return frame
}

function encodeHeader(name: string, value: string): Buffer {
  const header = Buffer.alloc(1 + name.length + 1 + 2 + value.length)
  header.writeUInt8(name.length, 0)
  header.write(name, 1, 'latin1')
  header.writeUInt8(STRING, 1 + name.length)
  header.writeUInt16BE(value.length, 2 + name.length)
  header.write(value, 4 + name.length, 'latin1')
  return header
}
