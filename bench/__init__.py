"""What this library costs, as ratios against a bare loop that sends the same bodies.

Run it with `scripts/bench`; `bench/README.md` says what each number answers.

It speaks AutoGen 0.2's API to whatever `autogen` its interpreter has, and knows
nothing of how that library works inside: so the same programs measure any release.
"""
