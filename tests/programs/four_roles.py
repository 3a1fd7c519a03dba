"""A group of four, in AutoGen 0.2's words: the admin sets the task, an engineer writes code, an executor runs it, a
critic has the last word.
"""

import autogen

config_list = autogen.config_list_from_json("OAI_CONFIG_LIST")
gpt4_config = {"cache_seed": 42, "temperature": 0, "config_list": config_list, "timeout": 120}
admin = autogen.UserProxyAgent(
    name="Admin",
    system_message="A human admin. Discusses the plan with the engineer.",
    code_execution_config=False,
)
engineer = autogen.AssistantAgent(name="Engineer", llm_config=gpt4_config, system_message="Engineer. You write code.")
executor = autogen.UserProxyAgent(
    name="Executor",
    system_message="Executor. Runs the code of the engineer and reports the result.",
    human_input_mode="NEVER",
    code_execution_config={"last_n_messages": 3, "work_dir": "paper", "use_docker": False},
)
critic = autogen.AssistantAgent(name="Critic", llm_config=gpt4_config, system_message="Critic. Double check results.")
groupchat = autogen.GroupChat(agents=[admin, engineer, executor, critic], messages=[], max_round=50)
manager = autogen.GroupChatManager(groupchat=groupchat, llm_config=gpt4_config)

admin.initiate_chat(manager, message="How many primes are there below 100?")
