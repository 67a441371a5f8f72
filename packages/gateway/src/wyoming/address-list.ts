import { BlockList, isIP, isIPv6 } from "node:net";

/** Whether an address may come in. */
export type AddressList = (address: string) => boolean;

/** IPv4 on a socket that takes both. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** Reads `192.168.1.5, 10.0.0.0/8, fd00::/8`. Throws a RangeError that names what it cannot read. */
export function addressList(text: string): AddressList {
  const list = new BlockList();
  for (const entry of text.split(",").map((part) => part.trim())) add(list, entry);
  return (address) => {
    const plain = address.replace(MAPPED, "");
    return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
  };
}

function add(list: BlockList, entry: string): void {
  const [address = "", prefix, ...more] = entry.split("/");
  const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  const most = isIPv6(address) ? 128 : 32;
  if (isIP(address) === 0 || more.length > 0 || (bits !== undefined && !(bits <= most)))
    throw new RangeError(`${JSON.stringify(entry)} is neither an address nor a network`);
  if (bits === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, bits, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
