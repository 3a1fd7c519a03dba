"""A state machine of three teams, in AutoGen 0.2's words: transitions as a graph, and a function that chooses."""

import random
from itertools import pairwise

import autogen
from autogen.agentchat.groupchat import GroupChat
from autogen.graph_utils import check_graph_validity

random.seed(7)
agents = []
transitions = {}
for prefix in ("A", "B", "C"):
    for number in range(3):
        agents.append(
            autogen.ConversableAgent(
                name=f"{prefix}{number}",
                llm_config=False,
                human_input_mode="NEVER",
                default_auto_reply=f"{prefix}{number} has {random.randint(1, 5)} chocolates.",
            )
        )
        transitions[agents[-1]] = []
    for one in agents[-3:]:
        transitions[one] += [other for other in agents[-3:] if other is not one]
for one, other in (("A0", "B0"), ("B0", "C0"), ("C0", "A0")):
    by_name = {agent.name: agent for agent in agents}
    transitions[by_name[one]].append(by_name[other])
check_graph_validity(transitions, agents)

group_chat = GroupChat(
    agents=agents,
    messages=[],
    max_round=20,
    allowed_or_disallowed_speaker_transitions=transitions,
    speaker_transitions_type="allowed",
    speaker_selection_method="random",
)
manager = autogen.GroupChatManager(groupchat=group_chat, llm_config=False, code_execution_config=False)
agents[0].initiate_chat(manager, message="How many chocolates are there in all?")
names = [message["name"] for message in group_chat.messages]
allowed = {agent.name: [other.name for other in following] for agent, following in transitions.items()}
print("KEPT" if all(after in allowed[before] for before, after in pairwise(names)) else f"BROKEN {names}")


def custom_speaker_selection_func(last_speaker: autogen.Agent, groupchat: autogen.GroupChat):
    messages = groupchat.messages
    if len(messages) <= 1:
        return by_name["B1"]
    if last_speaker is by_name["B1"]:
        return by_name["C2"] if "B1 has" in messages[-1]["content"] else "random"
    return None


custom = autogen.GroupChat(
    agents=agents, messages=[], max_round=20, speaker_selection_method=custom_speaker_selection_func
)
agents[0].initiate_chat(autogen.GroupChatManager(groupchat=custom, llm_config=False), message="And who is next?")
print([message["name"] for message in custom.messages])
