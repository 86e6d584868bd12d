import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDERS = ['', 'contracts', 'mail/in', 'mail/out', 'loads'];
const MAX_FILES = 40;

/** How often each kind of change comes up, in parts. */
const CHANGES = { add: 5, change: 6, move: 3, remove: 3, damage: 2, heal: 2 } as const;
type Change = keyof typeof CHANGES;

interface File {
  readonly path: string;
  readonly kind: 'text' | 'mail' | 'page';
  readonly isDamaged: boolean;
  /** Its last good content stays visible while it is damaged. */
  readonly wasGood: boolean;
}

/** A folder that people work in: files come, change, move, go, break and are mended. The same ones for the same numbers. */
export class ChangingFolder {
  readonly path: string;
  readonly #random: () => number;
  #files: File[] = [];
  #made = 0;
  /** How often each change was made. */
  readonly counts: Record<Change, number> = { add: 0, change: 0, move: 0, remove: 0, damage: 0, heal: 0 };

  constructor(path: string, random: () => number) {
    this.path = path;
    this.#random = random;
    // Never empty: that nothing is left is a case of its own.
    this.#write({ path: 'always.txt', kind: 'text', isDamaged: false, wasGood: true });
    for (let count = 0; count < 6; count += 1) this.#add();
  }

  /** Some changes, at times none. */
  changeSome(): void {
    for (let left = Math.floor(this.#random() * 4); left > 0; left -= 1) this.#changeOnce();
  }

  #changeOnce(): void {
    const change = this.#pickChange();
    if (change === 'add') {
      this.#add();
      return;
    }
    const wanted = change === 'heal';
    const file = this.#pick(this.#files.filter(({ isDamaged }) => change === 'remove' || isDamaged === wanted));
    if (file === null) return;
    this.counts[change] += 1;
    this.#files = this.#files.filter((other) => other !== file);
    if (change === 'remove') rmSync(join(this.path, file.path));
    else if (change === 'move') this.#move(file);
    else this.#keep({ ...file, isDamaged: change === 'damage' });
  }

  /** Mends what was good before: until then the memory holds more than the folder does. */
  mendAll(): void {
    const broken = this.#files.filter(({ isDamaged, wasGood }) => isDamaged && wasGood);
    this.#files = this.#files.filter((file) => !broken.includes(file));
    for (const file of broken) this.#keep({ ...file, isDamaged: false });
  }

  #pickChange(): Change {
    const kinds = (Object.keys(CHANGES) as Change[]).flatMap((kind) => Array<Change>(CHANGES[kind]).fill(kind));
    const change = kinds[Math.floor(this.#random() * kinds.length)]!;
    return change === 'add' && this.#files.length >= MAX_FILES ? 'remove' : change;
  }

  #add(): void {
    this.counts.add += 1;
    const kind = this.#pick(['text', 'text', 'mail', 'page'] as const)!;
    this.#made += 1;
    const ending = { text: 'txt', mail: 'eml', page: 'html' }[kind];
    const path = join(this.#pick(FOLDERS)!, `${kind}-${this.#made}.${ending}`);
    this.#keep({ path, kind, isDamaged: this.#random() < 0.2, wasGood: false });
  }

  #move(file: File): void {
    this.#made += 1;
    const path = join(this.#pick(FOLDERS)!, `moved-${this.#made}-${file.path.split('/').at(-1)}`);
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    renameSync(join(this.path, file.path), join(this.path, path));
    // Under another name it is another document, of which there is no good content yet if it is damaged.
    this.#files.push({ ...file, path, wasGood: !file.isDamaged });
  }

  #keep(file: File): void {
    this.#write(file);
    this.#files.push({ ...file, wasGood: file.wasGood || !file.isDamaged });
  }

  #write({ path, kind, isDamaged }: File): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), isDamaged ? '%PDF-1.7 damaged' : this.#content(kind));
  }

  #content(kind: File['kind']): string {
    if (kind === 'text') return this.#text();
    if (kind === 'page') return `<html><body><h1>Notice</h1><p>${this.#text()}</p></body></html>`;
    return this.#mail();
  }

  #text(): string {
    const load = `LD-${600_000 + this.#below(25)}`;
    const date = `January ${1 + this.#below(28)}, 2026`;
    return `Date: ${date}\n\nLoad number: ${load}\nCarrier: Carrier ${this.#below(5)} Freight LLC\n\nNote ${this.#below(1_000_000)}.\n`;
  }

  /** With up to three attachments, the third of them always damaged. */
  #mail(): string {
    const parts = Array.from({ length: this.#below(4) }, (_, index) => {
      const isDamaged = index === 2;
      const name = isDamaged ? `scan-${index}.pdf` : `note-${index}.txt`;
      const type = isDamaged ? 'application/pdf' : 'text/plain';
      const body = isDamaged ? '%PDF-1.7 damaged' : this.#text();
      return `--b\nContent-Type: ${type}\nContent-Disposition: attachment; filename="${name}"\n\n${body}\n`;
    });
    return `From: Dana Reyes <dana@tarrow.example>\nTo: ops@farrow.example\nSubject: Load ${this.#below(25)}\nDate: Mon, 12 Jan 2026 09:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${this.#text()}\n${parts.join('')}--b--\n`;
  }

  #pick<T>(all: readonly T[]): T | null {
    return all.length === 0 ? null : all[this.#below(all.length)]!;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}
