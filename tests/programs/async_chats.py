import asyncio

import autogen

config_list = autogen.config_list_from_json("OAI_CONFIG_LIST")
llm_config = {"config_list": config_list, "cache_seed": None}


def agent(name):
    return autogen.AssistantAgent(name=name, llm_config=llm_config, system_message=f"You are the {name}.")


user = autogen.UserProxyAgent(
    name="User",
    human_input_mode="NEVER",
    is_termination_msg=lambda x: x.get("content", "") and x.get("content", "").rstrip().endswith("TERMINATE"),
    code_execution_config=False,
)
prices, reasons, writer = agent("prices"), agent("reasons"), agent("writer")


async def main():
    return await user.a_initiate_chats(
        [
            {
                "chat_id": 1,
                "recipient": prices,
                "message": "What are the prices?",
                "silent": True,
                "summary_method": "last_msg",
            },
            {
                "chat_id": 2,
                "prerequisites": [1],
                "recipient": reasons,
                "message": "What are the reasons?",
                "silent": True,
                "max_turns": 1,
            },
            {
                "chat_id": 3,
                "prerequisites": [1, 2],
                "recipient": writer,
                "silent": True,
                "message": "Write it up.",
            },
        ]
    )


chat_results = asyncio.run(main())
for chat_id, chat_result in chat_results.items():
    print(f"*****{chat_id}th chat*******:")
    print(chat_result.summary)
assert user.get_chat_results(3) is chat_results[3]
