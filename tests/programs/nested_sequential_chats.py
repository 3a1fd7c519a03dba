import autogen

config_list = autogen.config_list_from_json("OAI_CONFIG_LIST")
llm_config = {"config_list": config_list, "cache_seed": None}


def over(message):
    return message.get("content", "").find("TERMINATE") >= 0


writer = autogen.AssistantAgent(
    name="Writer",
    llm_config=llm_config,
    system_message="You are a professional writer. You improve the quality of the content based on the feedback.",
)
user_proxy = autogen.UserProxyAgent(
    name="User",
    human_input_mode="NEVER",
    is_termination_msg=over,
    code_execution_config=False,
)
critic = autogen.AssistantAgent(
    name="Critic",
    llm_config=llm_config,
    is_termination_msg=over,
    system_message="You are a critic. Provide constructive feedback.",
)
seo_reviewer = autogen.AssistantAgent(name="SEO_Reviewer", llm_config=llm_config, system_message="You optimise.")
legal_reviewer = autogen.AssistantAgent(name="Legal_Reviewer", llm_config=llm_config, system_message="You check.")
meta_reviewer = autogen.AssistantAgent(name="Meta_Reviewer", llm_config=llm_config, system_message="You sum up.")


def reflection_message(recipient, messages, sender, config):
    return f"Review the following content.\n\n {recipient.chat_messages_for_summary(sender)[-1]['content']}"


review_chats = [
    {
        "recipient": seo_reviewer,
        "message": reflection_message,
        "summary_method": "reflection_with_llm",
        "summary_args": {"summary_prompt": "Return review into as JSON object only: {'Reviewer': '', 'Review': ''}."},
        "max_turns": 1,
    },
    {
        "recipient": legal_reviewer,
        "message": reflection_message,
        "summary_method": "last_msg",
        "max_turns": 1,
    },
    {
        "recipient": meta_reviewer,
        "message": "Aggregate feedback from all reviewers and give final suggestions on the writing.",
        "max_turns": 1,
    },
]
critic.register_nested_chats(review_chats, trigger=writer)

res = critic.initiate_chat(
    recipient=writer,
    message="Write a concise but engaging blogpost about DeepLearning.AI.",
    max_turns=2,
    summary_method="last_msg",
)
print("SUMMARY:", res.summary)
