/** With `node --require`: every name below `.localhost` is this machine, as it is for curl and browsers. */
const dns = require('node:dns')

const { lookup } = dns
dns.lookup = (name, ...rest) => lookup(name?.endsWith('.localhost') ? '127.0.0.1' : name, ...rest)
