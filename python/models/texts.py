"""English sentences for the transformer, written for this project."""

CALIBRATION = [
    "The harbour was quiet before sunrise, and only two fishing boats had left the pier.",
    "A compiler turns a description of what should happen into instructions that make it happen.",
    "How long does it take to bake bread at two hundred and twenty degrees?",
    "Our train to the coast leaves platform nine at half past seven every weekday morning.",
    "She tuned the old piano by ear, one string after the other, until the chords sounded clean.",
    "Prices for wheat and maize fell by four percent after the rain had come at last.",
    "Please reset my password, because I no longer have the telephone I registered with.",
    "The museum shows paintings, tools, letters and maps from the years between the wars.",
    "Water boils at a lower temperature in the mountains, so potatoes take longer to cook.",
    "Three children built a bridge of planks across the stream behind the school.",
    "If the pump stops, close the valve first and call the engineer on duty afterwards.",
    "The senate voted against the bill, and the minister resigned on the same evening.",
    "Bees find their way home by the position of the sun and by landmarks they remember.",
    "I would like to return these shoes; they are too small and the left heel is loose.",
    "Nobody in the village believed the story about the lighthouse and the silver whale.",
    "An array of multipliers is only as fast as the memory that feeds it with numbers.",
]

SAMPLES = [
    "The orchestra played the last movement twice because the audience would not leave.",
    "Which medicine helps against a headache and can be taken with coffee?",
    "The rover crossed the crater slowly, sending a photograph after every ten metres.",
    "Grandmother keeps her recipes in a tin box: soup, dumplings, plum cake and pickles.",
    "Invoices that are not paid within thirty days will be charged with interest.",
    "A fox, two hedgehogs and a very old cat share the garden behind our house.",
    "The goalkeeper saved a penalty in the final minute and the stadium fell silent.",
    "To sort a list, divide it into halves, sort both and merge them in order.",
]
