/**
 * What a process ends with. A promise: scripts rely on it, and a status never changes its meaning.
 * 130 and 143 are 128 plus the number of the signal.
 */
export const EXIT = {
  done: 0,
  usage: 2,
  quarantined: 3,
  rolledBack: 4,
  needsAttention: 5,
  bug: 70,
  disk: 74,
  temporary: 75,
  permission: 77,
  config: 78,
  interrupted: 130,
  terminated: 143,
} as const;

interface ErrorCodeEntry {
  /** The exit status when this failure ends the command. */
  readonly exit: number;
  /** What it means, one sentence for a person. */
  readonly meaning: string;
  /** What to do next, one sentence for a person. */
  readonly help: string;
}

/** Every code apex reports, in one table. `docs/reference/errors.md` is generated from it. */
export const ERROR_CODES = {
  APEX_USAGE: { exit: EXIT.usage, meaning: 'A flag or an argument is wrong.', help: 'See `apex help <command>`.' },
  APEX_CONFIG: {
    exit: EXIT.config,
    meaning: 'A setting is missing or malformed, or the data directory cannot be used by this version.',
    help: 'Correct what the message names.',
  },
  NEWER_FORMAT: {
    exit: EXIT.config,
    meaning: 'The data directory, or what lies on a server, was written by a newer apex.',
    help: 'Use that version, or name another place: another APEX_HOME, schema, collection or server.',
  },
  EMBEDDER_MISMATCH: {
    exit: EXIT.config,
    meaning: 'The memory holds vectors of another embedder or dimension.',
    help: 'Use the embedder the memory was made with, or start a new memory: another APEX_HOME, or another schema.',
  },
  APEX_PERMISSION: {
    exit: EXIT.permission,
    meaning: 'A file, a folder or a part of a store may not be used by this user.',
    help: 'Change its owner or mode, or the grants of a store, or choose another place.',
  },
  APEX_SOURCE: { exit: EXIT.temporary, meaning: 'A source could not deliver.', help: 'Run the same command again.' },
  SOURCE_REFUSED: {
    exit: EXIT.config,
    meaning: 'A source refused the credentials, or they do not reach what was asked for.',
    help: 'Check the settings that the message names, and what their owner may read.',
  },
  SOURCE_REQUEST: {
    exit: EXIT.usage,
    meaning: 'A source did not accept a request.',
    help: 'Check the options of the command and the address of the source.',
  },
  SOURCE_ANSWER: {
    exit: EXIT.temporary,
    meaning: 'A source answered with something that is not what it documents.',
    help: 'Check the address of the source; then run the same command again.',
  },
  ENDLESS_PAGES: {
    exit: EXIT.temporary,
    meaning: 'The pages of a source go in a circle, or do not end.',
    help: 'Run the same command again: it goes on where this one stopped.',
  },
  FOREIGN_LINK: {
    exit: EXIT.config,
    meaning: 'An answer of a source leads to a host that is not its own; nothing was sent there.',
    help: 'Check the address of the source; if it is right, ask its operator about the host.',
  },
  ADDRESS_REFUSED: {
    exit: EXIT.config,
    meaning: 'An address is none that files are fetched from; nothing was sent there.',
    help: 'If the host is yours, name it in SOURCE_ALLOWED_HOSTS; `http://` is allowed by --allow-http.',
  },
  TLS_REFUSED: {
    exit: EXIT.config,
    meaning: 'A server’s certificate cannot be trusted, or it does not speak TLS as it should.',
    help: 'Check the address and the clock; where a private authority signs, name its certificate in NODE_EXTRA_CA_CERTS.',
  },
  WEB_PAGE: {
    exit: EXIT.quarantined,
    meaning: 'A server answered with a web page where another kind of file was asked for, as log-in pages do.',
    help: 'Open the address in a browser; where it asks for a log-in, give the headers it wants by --header-file.',
  },
  NOT_FOUND: {
    exit: EXIT.usage,
    meaning: 'Nothing exists under that name.',
    help: 'Check the path or id.',
  },
  NO_MATCH: {
    exit: EXIT.usage,
    meaning: 'A pattern or folder holds no document.',
    help: 'Check the folder or the pattern; quote a pattern so that the shell leaves it alone.',
  },
  SUDDENLY_EMPTY: {
    exit: EXIT.usage,
    meaning: 'A folder or pattern that documents came from holds none any more, and a sync deletes nothing under it.',
    help: 'Check that the folder is the right one and is mounted; when its documents are meant to go, add `--allow-empty`.',
  },
  NOT_A_FILE: {
    exit: EXIT.usage,
    meaning: 'The path is neither a regular file nor a folder.',
    help: 'Give a regular file.',
  },
  DENIED: { exit: EXIT.permission, meaning: 'The file may not be read.', help: 'Change its mode or run as its owner.' },
  CHANGED_WHILE_READ: {
    exit: EXIT.temporary,
    meaning: 'The file changed each time it was read.',
    help: 'Run the same command again when its writer has finished.',
  },
  APEX_PARSE: {
    exit: EXIT.quarantined,
    meaning: 'A document could not be parsed.',
    help: 'Open it in its own program and save it again.',
  },
  EMPTY_TEXT: {
    exit: EXIT.quarantined,
    meaning: 'The document holds no text.',
    help: 'Check that this is the file you meant.',
  },
  NO_TEXT_LAYER: {
    exit: EXIT.quarantined,
    meaning: 'The PDF has pages but no text; they are images.',
    help: 'Run it through OCR and ingest the result.',
  },
  ENCRYPTED: {
    exit: EXIT.quarantined,
    meaning: 'The document needs a password.',
    help: 'Save a copy without a password.',
  },
  CORRUPT: { exit: EXIT.quarantined, meaning: 'The document is damaged.', help: 'Fetch or export it again.' },
  TOO_LARGE: {
    exit: EXIT.quarantined,
    meaning: 'The document exceeds a limit of bytes, pages or inflated size.',
    help: 'Split it, or raise the limit that the message names.',
  },
  UNSUPPORTED_FORMAT: {
    exit: EXIT.quarantined,
    meaning: 'No parser reads this kind of file.',
    help: 'Convert it to PDF, DOCX, PPTX, XLSX, CSV, HTML, Markdown, EML, JSON or text.',
  },
  TIMEOUT: {
    exit: EXIT.quarantined,
    meaning: 'The step took longer than its limit.',
    help: 'Raise the limit that the message names, or wait for a quieter machine; then `apex retry --reason TIMEOUT`.',
  },
  OUT_OF_MEMORY: {
    exit: EXIT.quarantined,
    meaning: 'Parsing needed more memory than its limit.',
    help: 'Split the document, or raise APEX_PARSE_MEMORY_MB and `apex retry --reason OUT_OF_MEMORY`.',
  },
  CRASHED: {
    exit: EXIT.quarantined,
    meaning: 'The process that worked on this document died each time.',
    help: 'Report the document to the developers, and `apex retry` it with a version that reads it; the others are not affected.',
  },
  APEX_PROVIDER: {
    exit: EXIT.temporary,
    meaning: 'An embedding or extraction provider did not answer.',
    help: 'Run the same command again.',
  },
  PROVIDER_REFUSED: {
    exit: EXIT.config,
    meaning: 'The provider refused the credentials, the model or the quota.',
    help: 'Check the key, the model name and the account.',
  },
  PROVIDER_ANSWER: {
    exit: EXIT.quarantined,
    meaning: 'The provider answered with the wrong number or size of results.',
    help: 'Check the model and the dimensions; then `apex retry --reason PROVIDER_ANSWER`.',
  },
  RATE_LIMITED: {
    exit: EXIT.temporary,
    meaning: 'The provider or the source asked to slow down.',
    help: 'Run the same command again later.',
  },
  APEX_STORE: { exit: EXIT.temporary, meaning: 'A store did not answer.', help: 'Run the same command again.' },
  STORE_DOWN: {
    exit: EXIT.temporary,
    meaning: 'A store was out of reach for longer than --max-outage.',
    help: 'Look at it with `apex doctor`; then run the same command again, or `apex resume`.',
  },
  STORE_REFUSED: {
    exit: EXIT.quarantined,
    meaning: 'A store refused the data for good.',
    help: 'Mend what the message names, then `apex retry --reason STORE_REFUSED`; the other documents are written.',
  },
  STORE_OVERLOADED: {
    exit: EXIT.temporary,
    meaning: 'A store had not the memory or the time for what was written, even of one document alone.',
    help: 'Give the store more of what the message names; then run the same command again, or `apex resume`.',
  },
  STORE_COUNT: {
    exit: EXIT.temporary,
    meaning: 'A store holds another number of items than was written.',
    help: 'Run the same command again.',
  },
  NOT_ERASED: {
    exit: EXIT.temporary,
    meaning:
      'Documents were deleted, but traces of them stay: another process uses the memory, or the cache did not answer.',
    help: 'Run `apex cleanup` when the other process has ended, or `apex verify --repair` when the cache answers again.',
  },
  FENCED: {
    exit: EXIT.temporary,
    meaning: 'Another process has taken this run over.',
    help: 'Let the other process finish; nothing of this one was made visible.',
  },
  LOST_RACE: {
    exit: EXIT.temporary,
    meaning: 'Another run changed the same document at the same time, twice.',
    help: 'Run the same command again when the other run has ended.',
  },
  CURSOR_MOVED: {
    exit: EXIT.temporary,
    meaning: 'Another run read the same stream of the same source meanwhile.',
    help: 'Let the other run finish; this one kept nothing of the page it held. Run the same command again to go on from there.',
  },
  LOCKED: {
    exit: EXIT.temporary,
    meaning: 'Another apex process holds what this one needs.',
    help: 'Wait for it to end, then run the same command again.',
  },
  DISK_FULL: {
    exit: EXIT.temporary,
    meaning: 'The disk is full.',
    help: 'Free space, then run the same command again: it continues.',
  },
  QUOTA_FULL: {
    exit: EXIT.temporary,
    meaning: 'The staging area has reached its quota.',
    help: 'Run `apex cleanup`, or raise STAGING_MAX_SIZE_GB.',
  },
  APEX_COMPENSATION: {
    exit: EXIT.needsAttention,
    meaning: 'What a failed batch wrote could not be removed; it is parked and stays invisible.',
    help: 'Run `apex cleanup` when the store answers again.',
  },
  DRIFT: {
    exit: EXIT.needsAttention,
    meaning: 'The stores do not hold what they should.',
    help: 'Run `apex verify --repair`.',
  },
  SOURCE_GONE: {
    exit: EXIT.needsAttention,
    meaning: 'A damaged document cannot be healed from its source, because that cannot be read any more.',
    help: 'Put the file back and repair again, or ingest it from where it is now, or remove it with `apex delete`.',
  },
  SOURCE_CHANGED: {
    exit: EXIT.needsAttention,
    meaning: 'A damaged document cannot be healed from its source, because that has changed since.',
    help: 'Ingest it again: that makes a new version of what it holds now.',
  },
  APEX_JOURNAL: {
    exit: EXIT.disk,
    meaning: 'The journal or the disk failed.',
    help: 'Check the disk, then run the same command again.',
  },
  MEMORY_DAMAGED: {
    exit: EXIT.disk,
    meaning: 'The file that holds the memory is damaged.',
    help: 'Restore it from a copy, or point APEX_HOME at another folder and ingest again.',
  },
  JOURNAL_WENT_BACK: {
    exit: EXIT.needsAttention,
    meaning: 'The journal is older than the records store: it was lost, damaged or restored from a copy.',
    help: 'Ingest again; the stores decide what is current.',
  },
  CAP_REACHED: {
    exit: EXIT.temporary,
    meaning: 'A cap on calls, cost, documents or time was reached; nothing was begun beyond it.',
    help: 'What is done stays. Go on with the same command, or with `apex resume <run>`, each with a cap of its own.',
  },
  CHECK_FAILED: {
    exit: EXIT.temporary,
    meaning:
      'A check of `apex doctor` failed itself or did not come to an end; what it looks at may be right or wrong.',
    help: 'Run `apex doctor` again.',
  },
  ABORTED: { exit: EXIT.interrupted, meaning: 'The run was interrupted.', help: 'Continue with `apex resume`.' },
  APEX_BUG: {
    exit: EXIT.bug,
    meaning: 'apex has a bug.',
    help: 'Report it with the message and the run id; `APEX_DEBUG=on` shows where it happened.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** One of the codes in the table. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Failures to read one item: they cost that item even where their code ends a command that names it. */
const ITEM_CODES: ReadonlySet<ErrorCode> = new Set([
  'NOT_FOUND',
  'NOT_A_FILE',
  'DENIED',
  'CHANGED_WHILE_READ',
  'APEX_SOURCE',
  'SOURCE_REFUSED',
  'SOURCE_REQUEST',
  'SOURCE_ANSWER',
  'FOREIGN_LINK',
  'ADDRESS_REFUSED',
  'TLS_REFUSED',
]);

/** Is it a failure of a document's own, for which the document is set aside while its run goes on? */
export function isQuarantineReason(code: ErrorCode): boolean {
  return ERROR_CODES[code].exit === EXIT.quarantined || ITEM_CODES.has(code);
}

const PUT_BACK = 'Put it back, then `apex retry` it; or take it out of quarantine with `apex delete <document>`.';

/** What to do about a document in quarantine, where it is not what to do when the same failure ends a command. */
const QUARANTINE_HELP: { readonly [code in ErrorCode]?: string } = { NOT_FOUND: PUT_BACK, NOT_A_FILE: PUT_BACK };

/** What to do about a document that is set aside for this reason, one sentence for a person. */
export function quarantineHelp(code: ErrorCode): string {
  return QUARANTINE_HELP[code] ?? ERROR_CODES[code].help;
}

/** Every reason for which a document can be in quarantine, in the order of the table. */
export const QUARANTINE_REASONS: readonly ErrorCode[] = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
  isQuarantineReason,
);
