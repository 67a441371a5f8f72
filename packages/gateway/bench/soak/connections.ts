import { readdir, readFile, readlink } from "node:fs/promises";

const ESTABLISHED = "01";

/** Open TCP connections of a process, counted by who is at the other end, or at ours. Linux. */
export async function connectionsOf(
  pid: number,
  names: ReadonlyMap<number, string>,
): Promise<Readonly<Record<string, number>>> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  const counts: Record<string, number> = {};
  for (const line of (await readFile(`/proc/${pid}/net/tcp`, "utf8")).split("\n").slice(1)) {
    const [, local = "", remote = "", state, , , , , , inode = ""] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || !inodes.has(inode)) continue;
    const [ours, theirs] = [local, remote].map((address) => Number.parseInt(address.split(":")[1] ?? "", 16));
    const name = `connections ${names.get(theirs!) ?? names.get(ours!) ?? `to port ${theirs}`}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
