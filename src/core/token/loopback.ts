import { isLoopback } from '../base/validate.js';

// Names that every machine has for itself (RFC 6761 §6.3, and what distributions put into /etc/hosts).
const ownNames = /^(.+\.)?(localhost|localhost\d|localhost\.localdomain|ip6-(localhost|loopback))$/;

// 0.0.0.0/8 and 127.0.0.0/8. The URL parser writes every other spelling of them like this.
const ownIPv4 = /^(0|127)\.\d+\.\d+\.\d+$/;

// Where an IPv6 address has an IPv4 address in its last two groups: compatible (`::` and `::1` are
// among them), mapped, translated, NAT64.
const prefixes = [
  '0:0:0:0:0:0',
  '0:0:0:0:0:ffff',
  '0:0:0:0:ffff:0',
  '64:ff9b:0:0:0:0',
  '64:ff9b:1:0:0:0',
];

/** Tells whether a URL leads to this machine, however it is spelled. */
export function reachesThisMachine({ hostname }: URL): boolean {
  if (hostname.startsWith('[')) return isOwnIPv6(hostname.slice(1, -1));
  const name = hostname.replace(/\.+$/, '').toLowerCase();
  return name === '' || ownNames.test(name) || ownIPv4.test(name);
}

function isOwnIPv6(address: string): boolean {
  const [left = [], right = []] = address.split('::').map((part) => part.split(':'));
  const [head, tail] = [left.filter((group) => group), right.filter((group) => group)];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  const groups = [...head, ...zeros, ...tail];
  const isEmbedded = prefixes.includes(groups.slice(0, 6).join(':'));
  // 6to4 has the IPv4 address behind its prefix (RFC 3056 §2).
  const embedded = groups[0] === '2002' ? groups[1] : isEmbedded ? groups[6] : undefined;
  return embedded !== undefined && [0, 127].includes(Number.parseInt(embedded, 16) >> 8);
}

/**
 * Tells whether a discovered address may be fetched: https, without credentials, and on this machine
 * only if the configured issuer is on it too.
 */
export function mayBeFetched(address: string, issuer: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') return false;
  if (reachesThisMachine(url) && !isOnThisMachine(issuer)) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

const isOnThisMachine = (issuer: string): boolean =>
  URL.canParse(issuer) && reachesThisMachine(new URL(issuer));
