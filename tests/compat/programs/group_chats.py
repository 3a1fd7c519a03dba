"""Group chats: who speaks next by every method, what each member keeps, how a group ends."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import autogen
from groups import WORDS, member, speakers, team, three, told
from scenario import bot, calls, error, llm, mute, scenario, user, views


@scenario()
def round_robin(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=5, speaker_selection_method="round_robin")
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario()
def round_robin_async(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=5, speaker_selection_method="round_robin")
    return told(manager, asyncio.run(members[0].a_initiate_chat(manager, message="Begin.")))


@scenario()
def begun_from_outside(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=4, speaker_selection_method="Round_Robin")
    boss = mute("boss", "no")
    result = boss.initiate_chat(manager, message="Begin.")
    return told(manager, result), views(boss)


@scenario()
def one_round(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=1, speaker_selection_method="round_robin")
    return told(manager, members[1].initiate_chat(manager, message="Begin."))


@scenario()
def two_chats_in_a_row(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=3, speaker_selection_method="round_robin")
    first = told(manager, members[0].initiate_chat(manager, message="Begin."))
    second = told(manager, members[1].initiate_chat(manager, message="Again."))
    third = told(manager, members[0].initiate_chat(manager, message="On.", clear_history=False))
    return first, second, third


@scenario()
def messages_from_before(base_url: str, work_dir: str) -> Any:
    members = three()
    earlier = [{"content": "Earlier.", "role": "user", "name": "bob"}]
    group = autogen.GroupChat(members, earlier, max_round=3, speaker_selection_method="round_robin")
    manager = autogen.GroupChatManager(group)
    result = members[0].initiate_chat(manager, message="Begin.", clear_history=False)
    return told(manager, result)


@scenario()
def silent_chat(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=3, speaker_selection_method="round_robin")
    members[0].initiate_chat(manager, message="Begin.", silent=True)
    manager = team(three(), {"silent": True}, max_round=3, speaker_selection_method="round_robin")
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["bob", "Carol's words.", "carol"])
def chosen_by_the_model(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "I am Alice."), bot(base_url, "bob", description="Knows."), member("carol", "Done.")]
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3)
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario(["bob", "Carol's words.", "carol"])
def chosen_by_the_model_async(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "I am Alice."), bot(base_url, "bob", description="Knows."), member("carol", "Done.")]
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3)
    return told(manager, asyncio.run(members[0].a_initiate_chat(manager, message="Begin.")))


@scenario(["alice or bob", "carol", "nobody", "Hm", "bob"])
def asked_again(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=3)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return told(manager)


@scenario(["nobody", "alice and bob", "who?"])
def never_a_name(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2)
    manager.groupchat.agents[1].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["nobody"])
def never_a_name_without_retries(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, max_retries_for_selecting_speaker=0)
    manager.groupchat.agents[2].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["alice and bob", "bob"])
def selection_told_aloud(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, select_speaker_auto_verbose=True)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["alice and bob", "none", "never"])
def failing_selection_told_aloud(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, select_speaker_auto_verbose=True)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["carol"])
def selection_without_a_prompt_at_the_end(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, select_speaker_prompt_template=None)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["both", "carol"])
def selection_in_the_role_of_a_user(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, role_for_select_speaker_messages="user")
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["carol"])
def selection_by_another_model(base_url: str, work_dir: str) -> Any:
    other = {"config_list": [{"model": "gpt-3.5-turbo", "api_key": "k", "base_url": base_url}], "cache_seed": None}
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, select_speaker_auto_llm_config=other)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def selection_without_a_model(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=5)
    manager.groupchat.agents[1].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["bob"])
def a_name_with_an_underscore(base_url: str, work_dir: str) -> Any:
    group = autogen.GroupChat([mute("the_one"), mute("the_two"), mute("bob")], [])
    agents = group.agents
    names = ["the_one", "the one", "the\\_one", "The_one", "the_one the_two", "the_ones", "bob.", "(bob)", "*bob*"]
    names += ["bob bob", "bobby", "", "the_one, not bob"]
    found = {text: group._mentioned_agents(text, agents) for text in names}
    manager = team(agents, {"llm_config": llm(base_url)}, max_round=2)
    agents[0].initiate_chat(manager, message="Begin.")
    return found, speakers(manager)


@scenario(inputs=["2", "q", "", "3"])
def chosen_by_a_person(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=5, speaker_selection_method="manual")
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(inputs=["9", "bob", "-1", "0"])
def chosen_by_a_person_who_errs(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=3, speaker_selection_method="manual")
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(inputs=["1", "2"])
def chosen_by_a_person_async(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=3, speaker_selection_method="manual", allow_repeat_speaker=False)
    asyncio.run(manager.groupchat.agents[0].a_initiate_chat(manager, message="Begin."))
    return speakers(manager)


@scenario()
def chosen_by_a_function(base_url: str, work_dir: str) -> Any:
    seen: list[Any] = []

    def choose(last: Any, group: Any) -> Any:
        seen.append([last.name, len(group.messages)])
        return {"Begin.": group.agents[2], "I am Carol.": "round_robin"}.get(group.messages[-1]["content"])

    manager = team(three(), max_round=5, speaker_selection_method=choose)
    result = manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return told(manager, result), seen


@scenario()
def chosen_by_a_function_async(base_url: str, work_dir: str) -> Any:
    def choose(last: Any, group: Any) -> Any:
        return {"Begin.": group.agents[2], "I am Carol.": "round_robin"}.get(group.messages[-1]["content"])

    manager = team(three(), max_round=5, speaker_selection_method=choose)
    asyncio.run(manager.groupchat.agents[0].a_initiate_chat(manager, message="Begin."))
    return told(manager)


@scenario(["bob"])
def a_function_that_names_a_method(base_url: str, work_dir: str) -> Any:
    def choose(last: Any, group: Any) -> Any:
        return "auto" if len(group.messages) == 1 else "round_robin"

    manager = team(three(), {"llm_config": llm(base_url)}, max_round=3, speaker_selection_method=choose)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def a_function_that_gives_nonsense(base_url: str, work_dir: str) -> Any:
    found = []
    for given in (mute("stranger"), "bogus", 5):
        manager = team(three(), max_round=3, speaker_selection_method=lambda last, group, given=given: given)
        found.append(error(manager.groupchat.agents[0].initiate_chat, manager, message="Begin."))
    return found


@scenario()
def no_repeats(base_url: str, work_dir: str) -> Any:
    members = three()[:2]
    manager = team(members, max_round=5, speaker_selection_method="random", allow_repeat_speaker=False)
    members[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["alice", "bob"])
def repeats_of_some(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3, allow_repeat_speaker=[members[0]])
    members[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario(["carol", "alice"])
def allowed_transitions(base_url: str, work_dir: str) -> Any:
    members = three()
    table = {members[0]: [members[1], members[2]], members[1]: [members[2]], members[2]: [members[0], members[1]]}
    manager = team(
        members,
        {"llm_config": llm(base_url)},
        max_round=3,
        allowed_or_disallowed_speaker_transitions=table,
        speaker_transitions_type="allowed",
    )
    members[0].initiate_chat(manager, message="Begin.")
    return speakers(manager), _table(manager.groupchat)


@scenario()
def disallowed_transitions(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    table = {a: [a, b], b: [a, b], c: [b, c]}
    options = {"allowed_or_disallowed_speaker_transitions": table, "speaker_transitions_type": "disallowed"}
    manager = team([a, b, c], max_round=5, **options)
    a.initiate_chat(manager, message="Begin.")
    return speakers(manager), _table(manager.groupchat)


def _table(group: Any) -> dict[str, list[str]]:
    return {key.name: [one.name for one in kept] for key, kept in group.allowed_speaker_transitions_dict.items()}


@scenario()
def a_sink(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    options: dict[str, Any] = {"speaker_transitions_type": "allowed"}
    manager = team([a, b, c], allowed_or_disallowed_speaker_transitions={a: [b], b: [c], c: []}, **options)
    result = a.initiate_chat(manager, message="Begin.")
    return told(manager, result), _table(manager.groupchat)


@scenario()
def transitions_from_outside_of_the_table(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    options: dict[str, Any] = {"speaker_transitions_type": "allowed", "speaker_selection_method": "round_robin"}
    manager = team([a, b, c], allowed_or_disallowed_speaker_transitions={a: [b], b: [c]}, **options)
    mute("boss").initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def transitions_by_round_robin(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    options: dict[str, Any] = {"speaker_transitions_type": "allowed", "speaker_selection_method": "round_robin"}
    table = {a: [b, c], b: [a, c], c: [a, b]}
    manager = team([a, b, c], max_round=6, allowed_or_disallowed_speaker_transitions=table, **options)
    a.initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def introductions(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=2, speaker_selection_method="round_robin", send_introductions=True)
    manager.groupchat.DEFAULT_INTRO_MSG = "Hello all."
    members[0].initiate_chat(manager, message="Begin.")
    return told(manager), manager.groupchat.introductions_msg(), manager.groupchat.introductions_msg(members[:1])


@scenario()
def introductions_async(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=2, speaker_selection_method="round_robin", send_introductions=True)
    manager.groupchat.DEFAULT_INTRO_MSG = "Hello all."
    asyncio.run(members[0].a_initiate_chat(manager, message="Begin."))
    return told(manager)


@scenario()
def a_word_that_ends(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), member("bob", "All done. TERMINATE"), member("carol", "Never.")]
    over = {"is_termination_msg": lambda message: "TERMINATE" in str(message["content"])}
    manager = team(members, over, max_round=5, speaker_selection_method="round_robin")
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario()
def a_member_that_says_nothing(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), member("bob", None), member("carol", "Never.")]
    manager = team(members, max_round=5, speaker_selection_method="round_robin")
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario()
def a_member_that_says_an_empty_word(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), mute("bob", ""), member("carol", "Still here.")]
    manager = team(members, max_round=4, speaker_selection_method="round_robin")
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario(inputs=["", "My words.", "exit"])
def a_person_in_the_group(base_url: str, work_dir: str) -> Any:
    person = user("person", human_input_mode="ALWAYS")
    members = [person, member("alice", "I am Alice.")]
    manager = team(members, max_round=9, speaker_selection_method="round_robin")
    return told(manager, members[1].initiate_chat(manager, message="Begin."))


def interrupted(*lines: Any) -> Any:
    def speak(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        raise KeyboardInterrupt

    agent = mute("bob")
    agent.register_reply([autogen.Agent, None], speak)
    return agent


@scenario()
def ctrl_c_gives_the_floor_to_the_admin(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), interrupted(), member("chief", "Stop that.")]
    manager = team(members, max_round=3, speaker_selection_method="round_robin", admin_name="chief")
    return told(manager, members[0].initiate_chat(manager, message="Begin."))


@scenario()
def ctrl_c_without_an_admin(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), interrupted(), member("chief", "Stop that.")]
    manager = team(members, max_round=3, speaker_selection_method="round_robin")
    try:
        members[0].initiate_chat(manager, message="Begin.")
    except KeyboardInterrupt:
        return speakers(manager)
    return "went on"


@scenario()
def ctrl_c_by_the_admin(base_url: str, work_dir: str) -> Any:
    members = [member("alice", "More."), interrupted()]
    manager = team(members, max_round=3, speaker_selection_method="round_robin", admin_name="bob")
    try:
        members[0].initiate_chat(manager, message="Begin.")
    except KeyboardInterrupt:
        return speakers(manager)
    return "went on"


@scenario(
    [
        "alice",
        calls(("c1", "double", {"x": 4})),
    ]
)
def a_tool_call(base_url: str, work_dir: str) -> Any:
    members = [user("person"), bot(base_url, "alice"), mute("runner", "I only run."), member("carol", "Carol.")]
    _double(members[1], members[2])
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3)
    result = members[0].initiate_chat(manager, message="Double four.")
    return told(manager, result), manager.llm_config is not False


def _double(caller: Any, *executors: Any) -> None:
    def double(x: int) -> int:
        return 2 * x

    for executor in executors:
        autogen.register_function(double, caller=caller, executor=executor, description="Twice.")


@scenario([calls(("c1", "double", {"x": 4}))])
def a_tool_call_in_turns(base_url: str, work_dir: str) -> Any:
    members = [user("person"), bot(base_url, "alice"), member("carol", "Carol."), mute("runner", "I only run.")]
    _double(members[1], members[3])
    manager = team(members, max_round=4, speaker_selection_method="round_robin")
    members[0].initiate_chat(manager, message="Double four.")
    return told(manager)


@scenario([calls(("c1", "double", {"x": 4}))])
def a_tool_call_async(base_url: str, work_dir: str) -> Any:
    members = [user("person"), bot(base_url, "alice"), member("carol", "Carol."), mute("runner", "I only run.")]
    _double(members[1], members[3])
    manager = team(members, max_round=4, speaker_selection_method="round_robin")
    asyncio.run(members[0].a_initiate_chat(manager, message="Double four."))
    return told(manager)


@scenario(["runner2", "alice", "Fine."])
def a_tool_call_that_two_can_run(base_url: str, work_dir: str) -> Any:
    members = [user("person"), bot(base_url, "alice"), mute("runner1"), mute("runner2")]
    _double(members[1], members[2], members[3])
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3)
    members[1].initiate_chat(manager, message={"content": "", "tool_calls": [_call("double")]})
    return speakers(manager)


def _call(name: str) -> dict[str, Any]:
    return {"id": "c0", "type": "function", "function": {"name": name, "arguments": '{"x": 1}'}}


@scenario()
def a_tool_call_that_nobody_can_run(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=3, speaker_selection_method="round_robin")
    calling = {"content": "", "tool_calls": [_call("double")]}
    first = error(members[0].initiate_chat, manager, message=calling)
    members[2].register_function({"other": len})
    second = error(members[0].initiate_chat, manager, message=calling)["raised"]
    free = team(members, max_round=2, speaker_selection_method="round_robin", func_call_filter=False)
    members[0].initiate_chat(free, message=calling)
    return first, second, speakers(free)


@scenario()
def an_older_function_call(base_url: str, work_dir: str) -> Any:
    members = [*three(), mute("runner")]
    members[3].register_function({"double": lambda x: 2 * x})
    manager = team(members, max_round=2, speaker_selection_method="round_robin")
    call = {"content": "", "function_call": {"name": "double", "arguments": '{"x": 3}'}}
    members[0].initiate_chat(manager, message=call)
    return told(manager)


@scenario(inputs=["clear history", "go on", "exit"])
def clearing_all(base_url: str, work_dir: str) -> Any:
    person = user("person", human_input_mode="ALWAYS")
    members = [member("alice", "I am Alice."), person]
    manager = team(members, max_round=9, speaker_selection_method="round_robin", enable_clear_history=True)
    members[0].initiate_chat(manager, message="Begin.")
    return told(manager)


@scenario(inputs=["Please clear history bob now.", "exit"])
def clearing_one_member(base_url: str, work_dir: str) -> Any:
    person = user("person", human_input_mode="ALWAYS")
    members = [member("alice", "I am Alice."), person, member("bob", "I am Bob.")]
    manager = team(members, max_round=9, speaker_selection_method="round_robin", enable_clear_history=True)
    members[0].initiate_chat(manager, message="Begin.")
    return told(manager)


@scenario(inputs=["", "clear history alice 1", "clear history 2", "clear history nobody", "exit"])
def clearing_but_the_last_messages(base_url: str, work_dir: str) -> Any:
    person = user("person", human_input_mode="ALWAYS")
    members = [member("alice", "I am Alice."), person]
    manager = team(members, max_round=12, speaker_selection_method="round_robin", enable_clear_history=True)
    members[0].initiate_chat(manager, message="Begin.")
    return told(manager)


@scenario()
def clearing_directly(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=4, speaker_selection_method="round_robin")
    members[0].initiate_chat(manager, message="Begin.", silent=True)
    reply = {"content": "Well, CLEAR HISTORY bob 1 please"}
    answer = manager.clear_agents_history(reply, manager.groupchat)
    return answer, reply, told(manager)


@scenario()
def helpers_of_the_group(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    inner = team([member("dora", "I am Dora."), member("bob", "Another Bob.")])
    group = autogen.GroupChat([a, b, c, inner], [], **WORDS)
    group.append({"content": "One.", "role": "user"}, a)
    group.append({"content": "Two.", "role": "function", "name": "f"}, b)
    group.append(
        {"content": "Three.", "role": "tool", "tool_responses": [{"role": "tool", "content": 5, "tool_call_id": "x"}]},
        c,
    )
    kept = copy.deepcopy(group.messages)
    group.reset()
    return {
        "names": group.agent_names,
        "kept": kept,
        "reset": group.messages,
        "by name": group.agent_by_name("bob") is b,
        "unknown": group.agent_by_name("dora"),
        "nested by name": group.agent_by_name("dora", recursive=True).name,
        "conflict": error(group.agent_by_name, "bob", recursive=True, raise_on_name_conflict=True),
        "nested": [one.name for one in group.nested_agents()],
        "next": [group.next_agent(one).name for one in (a, b, c, inner)],
        "next of some": [group.next_agent(one, [a, c]).name for one in (a, b, c)],
        "next of none": error(group.next_agent, a, [mute("zoe")]),
        "next of a stranger": group.next_agent(mute("zoe")).name,
        "message": group.select_speaker_msg(),
        "message of some": group.select_speaker_msg([a]),
        "prompt": group.select_speaker_prompt(),
        "prompt of some": group.select_speaker_prompt([a, b]),
        "random of one": group.random_select_speaker([b]).name,
    }


@scenario()
def refused_settings(base_url: str, work_dir: str) -> Any:
    a, b, c = three()
    wrong: list[dict[str, Any]] = [
        {"allow_repeat_speaker": "x"},
        {"allow_repeat_speaker": 5},
        {"max_retries_for_selecting_speaker": -1},
        {"max_retries_for_selecting_speaker": "a"},
        {"speaker_transitions_type": "bad"},
        {"select_speaker_auto_verbose": 1},
        {"select_speaker_message_template": ""},
        {"select_speaker_auto_multiple_template": ""},
        {"select_speaker_auto_none_template": ""},
        {"role_for_select_speaker_messages": ""},
        {"allowed_or_disallowed_speaker_transitions": {a: [b]}},
        {"allowed_or_disallowed_speaker_transitions": {a: b}, "speaker_transitions_type": "allowed"},
        {"allowed_or_disallowed_speaker_transitions": {mute("z"): [b]}, "speaker_transitions_type": "allowed"},
        {
            "allowed_or_disallowed_speaker_transitions": {a: [b]},
            "speaker_transitions_type": "allowed",
            "allow_repeat_speaker": False,
        },
    ]
    return [error(autogen.GroupChat, [a, b, c], [], **settings) for settings in wrong]


@scenario()
def a_group_of_one(base_url: str, work_dir: str) -> Any:
    def hold() -> Any:
        alone = member("alice", "I am Alice.")
        return alone.initiate_chat(team([alone], max_round=3), message="Begin.")

    return error(hold)


@scenario()
def reply_functions_of_the_manager(base_url: str, work_dir: str) -> Any:
    manager = team(three())
    return [
        [entry["reply_func"].__name__, type(entry["config"]).__name__, entry["ignore_async_in_sync_chat"]]
        for entry in manager._reply_func_list
    ]


@scenario()
def a_nested_group(base_url: str, work_dir: str) -> Any:
    inner = team([member("dora", "I am Dora."), member("emil", "I am Emil.")], {"name": "inner"}, max_round=3,
                 speaker_selection_method="round_robin")  # fmt: skip
    a, b, _ = three()
    outer = team([a, inner, b], {"name": "outer"}, max_round=4, speaker_selection_method="round_robin")
    result = a.initiate_chat(outer, message="Begin.")
    return told(outer, result), told(inner)


@scenario(["A summary."])
def a_summary_by_the_model(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, {"llm_config": llm(base_url)}, max_round=3, speaker_selection_method="round_robin")
    how = {"summary_prompt": "Sum up.", "summary_role": "user"}
    result = members[0].initiate_chat(manager, message="Begin.", summary_method="reflection_with_llm", summary_args=how)
    return result.summary, manager.chat_messages_for_summary(members[0])


@scenario()
def an_overridden_selection(base_url: str, work_dir: str) -> Any:
    class Own(autogen.GroupChat):
        def select_speaker(self, last_speaker: Any, selector: Any) -> Any:
            return self.agents[2] if last_speaker is self.agents[0] else self.agents[0]

    members = three()
    manager = autogen.GroupChatManager(Own(members, [], max_round=4))
    members[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def an_overridden_run(base_url: str, work_dir: str) -> Any:
    class Own(autogen.GroupChatManager):
        def run_chat(self, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            print("before", len(messages), sender.name, type(config).__name__)
            answer = super().run_chat(messages, sender, config)
            print("after", answer)
            return answer

    members = three()
    manager = Own(autogen.GroupChat(members, [], max_round=3, speaker_selection_method="round_robin"))
    members[0].initiate_chat(manager, message="Begin.")
    return speakers(manager)


@scenario()
def a_reply_of_the_manager(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=3)
    manager.register_reply([autogen.Agent, None], lambda agent, messages, sender, config: (True, "Not now."))
    return manager.groupchat.agents[0].initiate_chat(manager, message="Begin.", max_turns=1).chat_history


@scenario()
def a_reply_asked_directly(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=3, speaker_selection_method="round_robin")
    answer = manager.generate_reply(messages=[{"content": "Begin.", "role": "user"}], sender=members[0])
    return answer, speakers(manager), views(*members)
