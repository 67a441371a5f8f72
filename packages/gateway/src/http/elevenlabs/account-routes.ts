import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Clock } from "../../core/clock.ts";
import type { CallOptions } from "../../core/ports.ts";
import { type Subject, unitOf, type WindowState } from "../../core/quota.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { ELEVENLABS } from "./elevenlabs.ts";
import { elevenLabsCommon, elevenLabsErrors } from "./schemas.ts";

export type ElevenLabsAccountDeps = {
  readonly stateOf: (subject: Subject, options: CallOptions) => Promise<readonly WindowState[]>;
  readonly clock: Clock;
};

/** Clients subtract; where characters are not limited, what is left shall not look like nothing. Fits into 32 bits. */
const UNLIMITED_CHARACTERS = 2_147_483_647;

const SubscriptionBody = Type.Object({
  tier: Type.String({ description: "The caller's plan." }),
  character_count: Type.Integer({ description: "Taken of the characters in the present window." }),
  character_limit: Type.Integer(),
  next_character_count_reset_unix: Type.Union([Type.Integer(), Type.Null()]),
  max_credit_limit_extension: Type.Integer(),
  can_extend_character_limit: Type.Boolean(),
  allowed_to_extend_character_limit: Type.Boolean(),
  voice_slots_used: Type.Integer(),
  professional_voice_slots_used: Type.Integer(),
  professional_voice_slots_used_in_workspace: Type.Integer(),
  voice_limit: Type.Integer(),
  voice_add_edit_counter: Type.Integer(),
  professional_voice_limit: Type.Integer(),
  can_extend_voice_limit: Type.Boolean(),
  can_use_instant_voice_cloning: Type.Boolean(),
  can_use_professional_voice_cloning: Type.Boolean(),
  current_overage: Type.Object({ amount: Type.String(), currency: Type.String() }),
  status: Type.String(),
  open_invoices: Type.Array(Type.Object({})),
  has_open_invoices: Type.Boolean(),
});

const UserBody = Type.Object({
  user_id: Type.String(),
  workspace_id: Type.String(),
  subscription: SubscriptionBody,
  is_new_user: Type.Boolean(),
  can_use_delayed_payment_methods: Type.Boolean(),
  is_onboarding_completed: Type.Boolean(),
  is_onboarding_checklist_completed: Type.Boolean(),
  first_name: Type.String(),
  created_at: Type.Integer(),
  seat_type: Type.String(),
});

const config = { foreign: ELEVENLABS };

/** Who calls and what is left to them, in the form in which ElevenLabs tells its customers. */
export function elevenLabsAccountRoutes(app: FastifyInstance, { stateOf, clock }: ElevenLabsAccountDeps): void {
  const subscriptionOf = async ({ caller }: FastifyRequest, signal: AbortSignal) => {
    const { user, tenant, plan } = caller!;
    const subject = { user, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) };
    const states = await stateOf(subject, { signal });
    return subscription(plan ?? "default", states, clock.now());
  };

  app.get(
    "/v1/user/subscription",
    {
      schema: {
        ...elevenLabsCommon,
        summary: "What is left of the characters",
        response: { 200: SubscriptionBody, ...elevenLabsErrors },
      },
      config,
    },
    async (request, reply) => subscriptionOf(request, abortedWhenClientLeaves(reply.raw)),
  );

  app.get(
    "/v1/user",
    { schema: { ...elevenLabsCommon, summary: "Who calls", response: { 200: UserBody, ...elevenLabsErrors } }, config },
    async (request, reply) => {
      const { user, tenant = user } = request.caller!;
      return {
        user_id: user,
        workspace_id: tenant,
        subscription: await subscriptionOf(request, abortedWhenClientLeaves(reply.raw)),
        is_new_user: false,
        can_use_delayed_payment_methods: false,
        is_onboarding_completed: true,
        is_onboarding_checklist_completed: true,
        first_name: user,
        created_at: 0,
        seat_type: "workspace_member",
      };
    },
  );
}

/** Of several windows of characters the longest is the one that a subscription would have. */
function subscription(tier: string, states: readonly WindowState[], nowMs: number) {
  const [longest] = states
    .filter(({ window }) => unitOf(window) === "characters")
    .sort((a, b) => b.window.lengthMs - a.window.lengthMs);
  return {
    tier,
    character_count: longest === undefined ? 0 : longest.window.limit - longest.remaining,
    character_limit: longest?.window.limit ?? UNLIMITED_CHARACTERS,
    next_character_count_reset_unix: longest === undefined ? null : Math.ceil((nowMs + longest.resetMs) / 1000),
    max_credit_limit_extension: 0,
    can_extend_character_limit: false,
    allowed_to_extend_character_limit: false,
    voice_slots_used: 0,
    professional_voice_slots_used: 0,
    professional_voice_slots_used_in_workspace: 0,
    voice_limit: 0,
    voice_add_edit_counter: 0,
    professional_voice_limit: 0,
    can_extend_voice_limit: false,
    can_use_instant_voice_cloning: false,
    can_use_professional_voice_cloning: false,
    current_overage: { amount: "0", currency: "usd" },
    status: "active",
    open_invoices: [],
    has_open_invoices: false,
  };
}
