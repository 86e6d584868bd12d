import { type Check, type Finding, ok, warning } from '../contracts/check.ts';
import { connect, createOpenAiEmbedder, type OpenAiSettings, providerError } from './openai.ts';

/** The bound on each question to the endpoint. */
const LIMIT_MS = 15_000;

/**
 * Whether an OpenAI-compatible endpoint can be used.
 *
 * It is asked for its models, which costs nothing. Only with `isOnline` one word is embedded, which shows the dimension as well.
 */
export function openAiChecks(settings: OpenAiSettings, isOnline: boolean): Check[] {
  const limited = { ...settings, timeoutMs: Math.min(settings.timeoutMs, LIMIT_MS) };
  const run = (signal: AbortSignal) => (isOnline ? embedOneWord(limited, signal) : askForModels(limited, signal));
  return [{ name: 'embedder', limitMs: LIMIT_MS + 1_000, run }];
}

async function embedOneWord(settings: OpenAiSettings, signal: AbortSignal): Promise<Finding> {
  await createOpenAiEmbedder(settings).embed(['dock'], signal);
  return ok(`${settings.model} embeds, with ${settings.dimensions} dimensions`);
}

/** Some servers that speak the protocol keep no list of models. */
const NO_LIST: ReadonlySet<unknown> = new Set([404, 405, 501]);

const HOW_TO_BE_SURE = 'To embed one word, which costs next to nothing: apex doctor --online';

async function askForModels(settings: OpenAiSettings, signal: AbortSignal): Promise<Finding> {
  const { model } = settings;
  try {
    const client = await connect(settings);
    const { data } = await client.models.list({ signal });
    // A proxy may answer with a page of HTML, which the client takes for an empty list.
    if (!Array.isArray(data) || data.length === 0)
      return warning('the endpoint answers, but not with a list of models', HOW_TO_BE_SURE);
    if (data.some(({ id }) => id === model)) return ok(`the endpoint answers, the key is right, ${model} is there`);
    return warning(`the endpoint answers, but does not list the model ${model}`, HOW_TO_BE_SURE);
  } catch (error) {
    const { status } = error as { status?: unknown };
    if (NO_LIST.has(status)) return warning('the endpoint answers, but keeps no list of models', HOW_TO_BE_SURE);
    throw providerError(error, settings);
  }
}
