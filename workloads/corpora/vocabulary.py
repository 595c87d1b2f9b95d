"""The words of the built-in corpus, by class.

Lower case a-z and apostrophe only. Words that sound like another word of the list
("flour" and "flower") are left out where that was easy, because no acoustic model can
tell them apart and they would put a floor under every error rate.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words("""
    anna martin alice robert susan peter laura george helen david maria oscar emma
    victor clara simon ruth walter nina henry olivia thomas sarah patrick julia edward
    rachel arthur lucy harold diana frank monica leonard grace samuel teresa philip
    vera duncan irene gilbert paula conrad
""")

PEOPLE = _words("""
    farmer teacher doctor sailor baker soldier singer painter lawyer driver engineer
    nurse captain neighbour student uncle mother brother sister father cousin
    grandmother child boy girl woman man poet dancer pilot judge dentist butcher
    carpenter waiter gardener fisherman policeman reporter actor author banker barber
    chemist clerk coach cook editor guard hunter inventor librarian manager mechanic
    merchant miner musician officer plumber president priest prince princess prisoner
    professor scientist secretary servant shepherd shopkeeper stranger surgeon tailor
    thief tourist traveller visitor wizard queen king friend customer player
""")

ANIMALS = _words("""
    dog cat horse rabbit elephant tiger monkey pigeon sheep goat chicken donkey fox
    wolf turtle spider snake parrot camel dolphin eagle beaver squirrel penguin lizard
    crocodile butterfly hamster kitten puppy
""")

THINGS = _words("""
    apple table window letter bottle hammer basket blanket bicycle book bread bucket
    camera candle carpet chair cheese clock coat coffee computer cup curtain diamond
    dictionary door dress drum engine envelope fence flag fork garment guitar hat helmet
    jacket jar kettle key knife ladder lamp lemon machine magazine map mirror money
    mountain mushroom napkin necklace needle newspaper notebook onion orange package
    pencil pepper piano picture pillow plate pocket potato present pumpkin radio ribbon
    rope sandwich saucer scissors shirt shovel soup spoon stamp stone suitcase sword
    telephone television ticket tomato towel toy train tree trousers trumpet umbrella
    violin wagon wallet watch wheel whistle album anchor banana barrel brush bulb button
    cabbage calendar chocolate compass feather garlic glove honey microphone
    cushion statue treasure oven screwdriver pyjamas bracelet
""")

PLURALS = _words("""
    apples oranges letters tickets candles bottles pictures windows chairs books plates
    boxes dollars minutes miles pages questions answers problems songs stories
    mistakes people children rooms houses buildings cities bridges ships planes
    buses potatoes eggs flowers trees leaves birds fishes insects stars clouds shoes
    gloves socks coins pencils
""")

PLACES = _words("""
    garden kitchen market station harbour library school hospital village castle church
    museum office bakery factory restaurant theatre airport bridge forest island valley
    river lake desert beach city street square corner cellar attic bedroom bathroom
    balcony stable barn temple tower tunnel prison palace university stadium hotel
    cottage farm field hill jungle mill park pharmacy playground port pub ranch shop
    studio supermarket swamp workshop zoo
""")

ADJECTIVES = _words("""
    little young happy tall heavy broken yellow green purple silver golden empty dirty
    clean quiet noisy clever foolish hungry thirsty angry gentle brave lazy busy strange
    famous ancient modern wooden rusty frozen expensive cheap beautiful ugly dangerous
    friendly careful nervous jealous lonely lucky curious patient proud polite rude
    shy silent sleepy slow quick small large huge narrow wide thick thin sharp smooth
    soft rough round square bright dark deep shallow dry wet fresh stale sweet bitter
    salty spicy warm cold hot cool black white brown grey pink ordinary perfect simple
    terrible wonderful useful useless
""")

TRANSITIVE = _words("""
    carried painted found bought sold borrowed opened closed cleaned dropped followed
    watched noticed ignored remembered forgot repaired stole washed moved pushed pulled
    lifted covered counted described delivered destroyed discovered drew touched
    examined finished collected cooked copied invented kicked kissed liked hated loved
    lost measured mentioned offered ordered packed photographed planned polished
    preferred prepared promised protected received refused rescued returned saved
    searched selected showed spotted studied threatened tried used visited wanted warned
    wrapped admired
""")

INTRANSITIVE = _words("""
    waited slept laughed shouted arrived danced jumped cried smiled worked listened
    disappeared whispered walked travelled rested stumbled stopped swam fell hesitated
    hurried apologized complained coughed argued sneezed vanished fainted wept
""")

BASE_VERBS = _words("""
    bring take open close find buy sell carry clean cover drop follow hide hold keep
    leave move pass pull push put remember return send show throw touch turn wash watch
    count check borrow choose forget help fix break build paint
""")

ADVERBS = _words("""
    quickly slowly carefully quietly loudly suddenly happily sadly again often never
    always rarely secretly finally gently proudly politely bravely almost together alone
    patiently perfectly badly easily early late twice outside inside upstairs
    somewhere everywhere
""")

DAYS = _words("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = _words("""
    january february march april may june july august september october november
    december
""")
RELATIVE_DAYS = _words("yesterday today tomorrow tonight")

PARTS_OF_DAY = _words("morning afternoon evening night")
OCCASIONS = _words("""
    midnight noon breakfast lunch dinner winter summer autumn spring christmas easter
    school work sunset sunrise
""")

UNITS = _words("three five six seven nine")
TEENS = _words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen nineteen")
TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")

PREPOSITIONS = _words("""
    in near behind beside under above beyond from across around inside towards opposite
""")

DETERMINERS = _words(
    "the the the the my your his her our their this that every another"
)

SHORT_ANSWERS = _words("""
    yes no hello goodbye please thanks sorry maybe perhaps certainly exactly
    welcome indeed absolutely nonsense enough
""")

DURATIONS = _words("seconds hours days weeks months years decades")
QUANTITIES = _words("metres kilograms pounds litres inches percent")
