from typing import Annotated

from autogen import ConversableAgent, config_list_from_json, register_function

config_list = config_list_from_json("OAI_CONFIG_LIST")
llm_config = {"config_list": config_list, "cache_seed": None}

board = [" "] * 9
made_move = False


def get_legal_moves() -> Annotated[str, "A list of legal moves, numbers of empty squares"]:
    return "Possible moves are: " + ",".join(str(square) for square, mark in enumerate(board) if mark == " ")


def make_move(move: Annotated[int, "The number of an empty square."]) -> Annotated[str, "Result of the move."]:
    global made_move
    if not (0 <= move < 9) or board[move] != " ":
        return f"illegal move: {move}. {get_legal_moves()}"
    board[move] = "XO"[(9 - board.count(" ")) % 2]
    made_move = True
    return f"Moved {board[move]} to {move}.\n{'|'.join(board)}"


def check_made_move(msg):
    global made_move
    if made_move:
        made_move = False
        return True
    return False


player_white = ConversableAgent(name="Player White", system_message="You play X.", llm_config=llm_config)
player_black = ConversableAgent(name="Player Black", system_message="You play O.", llm_config=llm_config)
board_proxy = ConversableAgent(
    name="Board Proxy",
    llm_config=False,
    is_termination_msg=check_made_move,
    default_auto_reply="Please make a move.",
    human_input_mode="NEVER",
)

for caller in (player_white, player_black):
    register_function(
        get_legal_moves,
        caller=caller,
        executor=board_proxy,
        name="get_legal_moves",
        description="Call this tool to get legal moves.",
    )
    register_function(
        make_move,
        caller=caller,
        executor=board_proxy,
        name="make_move",
        description="Call this tool to make a move.",
    )

player_white.register_nested_chats(
    trigger=player_black,
    chat_queue=[
        {
            "sender": board_proxy,
            "recipient": player_white,
            "summary_method": "last_msg",
            "silent": True,
        }
    ],
)
player_black.register_nested_chats(
    trigger=player_white,
    chat_queue=[
        {
            "sender": board_proxy,
            "recipient": player_black,
            "summary_method": "last_msg",
            "silent": True,
        }
    ],
)

chat_result = player_black.initiate_chat(player_white, message="Let's play! Your move.", max_turns=2)
print("BOARD:", "|".join(board))
